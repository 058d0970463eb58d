"""One self-contained page: a value in, HTML out."""
