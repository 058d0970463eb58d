"""Docker as the engine, and images into it."""
