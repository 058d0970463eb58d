"""Floor 7: observe, actions, apply. Bring a function to run the code that is wanted."""
