"""Floor 8: the stages in order, with real clients wired in."""
