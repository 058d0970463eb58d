"""What is to run: code, and where it lies for Lambda to fetch."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from imagekit.model.target import Architecture


class Code(Struct, frozen=True, kw_only=True):
    """Exactly one of: an image by digest, an archive on this disk, an object in a bucket."""

    image: str | None = None
    """`host/repository@sha256:…` (lambda_rules L7)."""
    file: Path | None = None
    bucket: str | None = None
    key: str | None = None


class NewFunction(Struct, frozen=True, kw_only=True):
    """A function that is not there yet."""

    name: str
    role: str
    code: Code
    architecture: Architecture
    memory: int
    """MB."""
    timeout: int
    """Seconds."""
    runtime: str | None = None
    """Of a ZIP, as `handler`."""
    handler: str | None = None
    command: tuple[str, ...] = ()
    """In place of the image's CMD."""
