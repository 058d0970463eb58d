"""What a project already says about its functions, before it has a configuration of imagekit's."""
