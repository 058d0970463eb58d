"""Side by side with other builders, on this machine."""
