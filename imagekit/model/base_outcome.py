"""What making a base did, as one value that reports read."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.outcome import LayerOutcome
from imagekit.model.target import Architecture


class BaseOutcome(Struct, frozen=True, kw_only=True):
    """One architecture of a base."""

    name: str
    architecture: Architecture
    parent: str
    """The reference of what it starts from."""
    digest: Digest
    unzipped_bytes: int
    """What it starts from included."""
    size_bytes: int
    """Compressed, what it starts from included."""
    layers: tuple[LayerOutcome, ...]
    """What lies on top of that."""
    path: Path | None = None
    sparse: bool = False
    """The layout at `path` lacks layers that a registry has."""
    references: tuple[str, ...] = ()
    """Where it was published: `repository:tag@digest`, one for each tag."""
    elsewhere: tuple[str, ...] = ()
    """The same in other regions and accounts, by the first tag."""
    there: bool = False
    """It was published before, with the same content."""
    sent_bytes: int | None = None
    mounted_bytes: int | None = None
    seconds: float | None = None
