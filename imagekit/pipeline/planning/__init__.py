"""From a configuration to a `BuildPlan`: everything uncertain is decided here."""
