"""Images on their way to registries, and what registries know of images before."""
