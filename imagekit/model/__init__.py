"""Floor 1: frozen words that every room uses. No I/O, no imports from other rooms."""
