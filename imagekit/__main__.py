"""`python -m imagekit`."""

from imagekit.cli.main import main

if __name__ == "__main__":
    main()
