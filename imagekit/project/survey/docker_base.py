"""What the image of a `FROM` says: Python, architecture, and the base that takes its place."""

from __future__ import annotations

import re

from msgspec import Struct

from imagekit.model.reference import Reference
from imagekit.model.target import PYTHONS, Architecture

# AWS's own: public.ecr.aws/lambda/python, and its twin on Docker Hub.
_AWS = frozenset({"public.ecr.aws/lambda/python", "docker.io/amazon/aws-lambda-python"})
_MINOR = re.compile(r"(?<![\d.])(3\.\d+)(?!\d)")
_PLATFORMS: dict[str, Architecture] = {
    "linux/amd64": "x86_64",
    "linux/arm64": "arm64",
    "linux/arm64/v8": "arm64",
}
_TAGS: dict[str, Architecture] = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64"}


class BaseFound(Struct, frozen=True, kw_only=True):
    """The image that a Dockerfile starts from."""

    written: str
    python: str | None
    """Minor version, as far as the name says it."""
    architecture: Architecture | None
    aws: bool
    """AWS's own image for that Python: a shipped base."""
    musl: bool
    """Alpine: no wheel of the usual kind runs there, and imagekit needs glibc."""

    @property
    def base(self) -> str | None:
        """What to write as `base`; None where the shipped one of `python` serves."""
        shipped = (self.aws and self.python in PYTHONS) or self.musl
        return None if shipped else self.written


def base_found(written: str, platform: str | None) -> BaseFound | None:
    """What the name of an image says; None where it is no image reference."""
    try:
        image = Reference.parse(written)
    except ValueError:
        return None
    tag = image.tag or ""
    # `python:3.12-slim`, `lambda/python:3.13`, `uv:python3.12-bookworm`, `acme/python3.13`.
    minor = _MINOR.search(tag) if "python" in f"{image.repository}:{tag}" else None
    minor = minor or re.search(r"python-?(3\.\d+)", image.repository)
    by_tag = next((found for word, found in _TAGS.items() if tag.endswith(word)), None)
    return BaseFound(
        written=written,
        python=minor[1] if minor else None,
        architecture=_PLATFORMS.get(platform or "", by_tag),
        aws=image.name in _AWS,
        musl="alpine" in f"{image.repository}:{tag}",
    )
