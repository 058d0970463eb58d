"""What is left out of packages, and why: decided from names and paths alone."""
