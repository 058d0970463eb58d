"""imagekit packages Python functions for AWS Lambda, as an image or a ZIP, without Docker."""

__version__ = "0.1.0"
