"""Every way to package one function, side by side: whether it fits, its sizes, its start."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

from imagekit.model.packaging import Packaging
from imagekit.model.target import Architecture

COMPARED: tuple[Packaging, ...] = get_args(Packaging)
"""All of them, in the order in which they are shown."""

Measure = Literal["unzipped_bytes", "files", "upload_bytes"]


class Start(Struct, frozen=True, kw_only=True):
    """What `imagekit bench` measured last."""

    median_ms: float
    """Of INIT."""
    count: int
    memory_limit_mb: int
    current: bool
    """Whether it was made of what a build would take now."""


class Compared(Struct, frozen=True, kw_only=True):
    """One packaging of one function on one architecture."""

    function: str
    architecture: Architecture
    packaging: Packaging
    fits: bool | None
    """None: nobody knows, as something could not be asked."""
    why: str = ""
    """Why it does not fit, or cannot be known; what it needs or does where it does fit."""
    limit_bytes: int | None = None
    unzipped_bytes: int | None = None
    """What counts against the limit."""
    files: int | None = None
    """Of packages and source, wherever they lie; without those of a base."""
    upload_bytes: int | None = None
    """Of everything that goes up the first time; without a base's layers."""
    estimated: tuple[Measure, ...] = ()
    """What was not built, and is foreseen."""
    start: Start | None = None
    """None where no measurement was kept."""
