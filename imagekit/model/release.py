"""What is to run: code, and where it lies for Lambda to fetch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imagekit.model.target import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Exactly one of: an image by digest, an archive on this disk, an object in a bucket."""

    image: str | None = None
    """`host/repository@sha256:…` (lambda_rules L7)."""
    file: Path | None = None
    bucket: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFunction:
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
