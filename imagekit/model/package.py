"""Packages as a lock names them, and as wheels that can be read."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.slim import WHOLE, Slim


class Artifact(Struct, frozen=True, kw_only=True):
    """A file that an index or a folder offers: a wheel or an sdist, with the hash it must have."""

    filename: str
    url: str
    """`https:`, `file:`, or `http:` on loopback."""
    digest: Digest
    size_bytes: int | None = None


class Sdist(Struct, frozen=True, kw_only=True):
    """A source distribution: built with `uv build --wheel`."""

    artifact: Artifact
    subdirectory: str | None = None


class Vcs(Struct, frozen=True, kw_only=True):
    """A pinned commit of a repository."""

    url: str
    """Without `git+` and without a fragment."""
    commit: str
    subdirectory: str | None = None


class Directory(Struct, frozen=True):
    """A path dependency or a workspace member: the user's own code."""

    path: Path


Origin = Artifact | Sdist | Vcs | Directory
"""Where a package comes from. An `Artifact` here is always a wheel for the target."""


class LockedPackage(Struct, frozen=True, kw_only=True):
    """What the lock says for one target: a name, a version, and where it comes from."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    origin: Origin


class Package(Struct, frozen=True, kw_only=True):
    """A package with its wheel: what a layer is made of."""

    name: str
    version: str
    wheel: Artifact
    own: bool = False
    """A workspace member or path dependency: it changes more often than what others publish."""
    slim: Slim = WHOLE
    """What is left out of it."""

    @property
    def recipe(self) -> str:
        """Names what the package becomes: its wheel, and what is left out of that."""
        key = self.slim.key
        return f"{self.wheel.digest.hex} {key}" if key else self.wheel.digest.hex

    @property
    def label(self) -> str:
        """`name version`, for people."""
        return f"{self.name} {self.version}"
