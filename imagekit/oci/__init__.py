"""Floor 4: the bytes of an image. Tar, layer, manifest and config, layout and archives."""
