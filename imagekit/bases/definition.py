"""What a `base.toml` says, and what else a base's name can stand for: values."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from imagekit.model.reference import Reference
from imagekit.model.slim import BY_DEFAULT, SlimSettings
from imagekit.model.target import ARCHITECTURES, Architecture

FOLDER = "base_images"
FILE = "base.toml"
DEBIAN = "debian"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class DebianOrigin(Struct, frozen=True, kw_only=True):
    """Composed with mmdebstrap."""

    suite: str
    packages: tuple[str, ...]
    mirror: str | None = None
    """A URL to take the packages from; None leaves it to mmdebstrap."""


class OtherBase(Struct, frozen=True):
    """Another base, by its name."""

    name: str

    def __str__(self) -> str:
        return self.name


Origin = Reference | DebianOrigin | OtherBase


class Publishing(Struct, frozen=True, kw_only=True):
    """Where `imagekit base publish` puts a base, and under which tags."""

    repository: str
    """A full reference, or a bare name: ECR in the caller's account and region."""
    moving: str | None = None
    """The one tag that each publishing moves; None: a new calendar tag every time."""
    immutable: bool = True
    """A tag that exists keeps its content."""
    regions: tuple[str, ...] = ()
    """Of AWS, that the base is copied to."""
    accounts: tuple[str, ...] = ()
    """Of AWS, that may pull it."""


class Definition(Struct, frozen=True, kw_only=True):
    """A `base.toml`, read and checked."""

    name: str
    path: Path
    origin: Origin
    python: str | None = None
    """Minor version that the base must have; None takes what is there."""
    listed: tuple[Architecture, ...] | None = None
    """None: as many as its origin has."""
    env: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    lock: str | None = None
    """Of Python packages that everyone shares; relative to the base's folder."""
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    """Packages of the base's own distribution, more than it has."""
    run: tuple[str, ...] = ()
    """Shell commands, run as root in the image. What they do is nobody's promise: only a step that
    does the same everywhere gives the same base on every machine."""
    publish: Publishing | None = None
    slim: SlimSettings = BY_DEFAULT
    """What is left out of the packages that everyone shares."""

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self.path.parent

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """As listed, else all that there are."""
        return self.listed or ARCHITECTURES

    @property
    def plain(self) -> bool:
        """Nothing lies on top of what its origin gives."""
        return not (self.lock or self.needs_engine or isinstance(self.origin, OtherBase))

    @property
    def needs_engine(self) -> bool:
        """Whether steps are left that Docker has to run: mmdebstrap runs those of Debian."""
        return not isinstance(self.origin, DebianOrigin) and bool(self.system or self.run)


Source = Definition | Reference | Path
"""What a base's name stands for; a Path is a folder with an OCI layout."""


def reference(text: str) -> Reference:
    """Read an image reference; without a tag or digest it means `latest`, as everywhere."""
    found = Reference.parse(text)
    return found if found.tag or found.digest else found.tagged("latest")
