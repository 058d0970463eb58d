"""What is known of a base image once it was read."""

from __future__ import annotations

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.image import Descriptor, Family, ImageConfig
from imagekit.model.target import Architecture, Target

SHARED_ROOT = "/opt/python"
"""A base's shared packages (decision 9), where AWS's images look anyway."""


class BaseFacts(Struct, frozen=True, kw_only=True):
    """The facts that plans need, read from the base's layers once and kept in `imagekit.lock`."""

    python: str
    """Full version, such as `3.13.5`."""
    glibc: str
    """Such as `2.41`."""
    interpreter: str
    """Absolute path of Python in the image, its symlinks resolved (lambda_rules M15)."""
    runtime_client: bool
    """Whether a Lambda runtime client is there."""
    unzipped_bytes: int
    """Sum of the uncompressed layer tars."""
    packages: tuple[tuple[str, str], ...] = ()
    """Name and version of the Python packages where a function would find them."""
    shared: tuple[str, ...] = ()
    """Names of those in `SHARED_ROOT`, sorted."""
    package_bytes: tuple[tuple[str, int], ...] = ()
    """What the files of each of them weigh unzipped, where its RECORD names them."""

    @property
    def minor(self) -> str:
        """Minor version of Python, such as `3.13`."""
        return ".".join(self.python.split(".")[:2])

    def target(self, architecture: Architecture) -> Target:
        """The target that such a base makes (decision 1: an image takes its base's floor)."""
        major, _, minor = self.glibc.partition(".")
        return Target(
            python=self.minor,
            architecture=architecture,
            glibc=(int(major), int(minor)),
            full_version=self.python,
        )


class Base(Struct, frozen=True, kw_only=True):
    """One architecture of a base, pinned by digest."""

    name: str
    """As the configuration says it."""
    reference: str
    """Where it lies: `registry/repository:tag@sha256:…`, or a folder's path with `@sha256:…`."""
    digest: Digest
    """Of its manifest."""
    family: Family
    config: ImageConfig
    layers: tuple[Descriptor, ...]
    facts: BaseFacts
    in_store: bool = False
    """Its layers lie in the store alone, as those of Debian, whose archive moves on."""
    origins: tuple[str | None, ...] = ()
    """For each layer the reference of an image that has it in a registry; None: the store has it.

    Empty where the layers lie together: in the store, or where `reference` says.
    """

    published: str | None = None
    """The reference of an image in a registry that has all of its layers, too: they are taken from
    there, as whoever published them pushes functions there most likely."""

    @property
    def places(self) -> tuple[str | None, ...]:
        """`origins`, one for each layer."""
        together = None if self.in_store else self.reference
        return self.origins or (together,) * len(self.layers)

    @property
    def here(self) -> bool:
        """Whether every layer lies in the store."""
        return all(place is None for place in self.places)

    def target(self, architecture: Architecture) -> Target:
        """The target that this base makes."""
        return self.facts.target(architecture)
