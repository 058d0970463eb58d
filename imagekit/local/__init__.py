"""Floor 7: Lambda on this machine: its Runtime API, its sandbox, what it says of an invocation."""
