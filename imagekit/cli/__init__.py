"""Floor 9: one file per group of commands. Parse, call the pipeline, render."""
