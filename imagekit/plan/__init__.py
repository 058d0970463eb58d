"""Floor 6: everything that is decided before anything is made. Pure."""
