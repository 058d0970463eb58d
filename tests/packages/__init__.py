"""Well-known packages, imported and exercised after slimming.

`python -m tests.packages` does all of them and prints the table of README; pytest does six.
"""
