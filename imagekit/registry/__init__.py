"""Floor 3: the distribution protocol. Client, credentials, push, copy."""
