"""What an account lacks for a release, and what it could do without."""
