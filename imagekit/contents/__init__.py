"""Floor 4: what goes into an artefact. Wheels, bytecode, footprint."""
