"""Floor 7: who turns a plan into archives."""
