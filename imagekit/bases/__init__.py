"""Floor 5: a shared base image. Its definition, the facts about it, its pin."""
