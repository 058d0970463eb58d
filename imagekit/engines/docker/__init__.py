"""Docker as an engine: a plan becomes a Dockerfile, its context, and an image that Docker built."""
