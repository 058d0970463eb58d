"""Floor 3: what the user gave. Configuration, locks, source files."""
