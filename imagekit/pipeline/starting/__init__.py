"""Artefacts that are started here: once, kept warm, timed, and drawn."""
