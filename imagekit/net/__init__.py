"""Floor 2: one HTTP transport for wheels and registries alike."""
