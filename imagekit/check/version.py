"""The version of the rule set that a layer passed when it was made."""

RULES_VERSION = 1
"""Raised when a rule is added or sharpened that layers made before may break."""
