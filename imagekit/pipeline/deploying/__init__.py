"""Artefacts become what functions run: stages, waves, and back again."""
