"""What the store holds, and what pruning it did, as values that reports read."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class KindUse(Struct, frozen=True, kw_only=True):
    """All files of one kind."""

    name: str
    files: int
    size_bytes: int


class CacheUse(Struct, frozen=True, kw_only=True):
    """The store by kind."""

    folder: Path
    kinds: tuple[KindUse, ...]
    limit_bytes: int | None
    """What builds keep it below; None is without end."""

    @property
    def size_bytes(self) -> int:
        """All kinds together."""
        return sum(kind.size_bytes for kind in self.kinds)


class Pruned(Struct, frozen=True, kw_only=True):
    """What one pruning removed."""

    files: int
    freed_bytes: int
    left_bytes: int
    limit_bytes: int | None
    """What it was to get below; None where it was not about size."""
    held: bool
    """A command that runs now kept what it uses."""
    bases_bytes: int
    """Of composed bases, which only `--all` removes."""
