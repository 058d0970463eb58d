"""Floor 7: a value in, words out. Pure."""
