"""What a base must be before anything is built on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from imagekit.bases.definition import Definition, Source
from imagekit.model.base import BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, ConfigError, DigestMismatch, Problem
from imagekit.model.image import Descriptor, ImageConfig
from imagekit.model.target import ARCHITECTURES, Architecture

UPGRADE = "imagekit lock --upgrade-base"

OCI_ARCHITECTURES: dict[Architecture, str] = {"x86_64": "amd64", "arm64": "arm64"}


@dataclass(eq=False, kw_only=True)
class Misfit(CannotBuild):
    """The image is for another system or architecture."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which base, and what `imagekit.lock` knows of it."""

    name: str
    """As the configuration says it."""
    source: Source
    architecture: Architecture
    pinned: Digest | None = None
    """Of the manifest; None takes what the name stands for today."""
    afresh: bool = False
    """What was composed before does not count: Debian's archive has moved on since."""
    facts: BaseFacts | None = None
    """With the pin, so that a base that was read elsewhere is not streamed again."""

    @property
    def oci_architecture(self) -> str:
        """The architecture as an image config spells it."""
        return OCI_ARCHITECTURES[self.architecture]


def require_listed(definition: Definition, architecture: Architecture) -> None:
    """The definition offers the architecture; else ConfigError."""
    if architecture not in definition.architectures:
        known = ", ".join(definition.architectures)
        where, what = f"{definition.path}: architectures", f"{architecture} is not among {known}"
        raise ConfigError(problems=(Problem(where, what),), hint=f"choose {known}, or another base")


def require_python(definition: Definition, facts: BaseFacts) -> None:
    """The base has the Python that its definition says; else ConfigError."""
    if definition.python not in (None, facts.minor):
        what = f"says {definition.python}, and the base has Python {facts.python}"
        raise ConfigError(problems=(Problem(f"{definition.path}: python", what),))


def require_pin(wanted: Wanted, found: Digest, why: str) -> None:
    """What was found is what `imagekit.lock` pins; else DigestMismatch."""
    if wanted.pinned not in (None, found):
        raise DigestMismatch(
            what=f"the base {wanted.name} ({why})",
            expected=str(wanted.pinned),
            actual=str(found),
            hint=UPGRADE,
        )


def require_bytes(expected: Digest, found: Digest, what: str) -> None:
    """Bytes have the digest that was promised; else DigestMismatch."""
    if expected != found:
        raise DigestMismatch(what=what, expected=str(expected), actual=str(found))


def require_fit(wanted: Wanted, config: ImageConfig, layers: tuple[Descriptor, ...]) -> None:
    """The image is for Linux and the architecture, and its documents agree; else CannotBuild."""
    if len(config.diff_ids) != len(layers) or not layers:
        raise CannotBuild(
            what=f"{wanted.name} is broken: its manifest and its config name other layers",
            causes=(f"{len(layers)} layers, {len(config.diff_ids)} diff_ids",),
        )
    if config.os != "linux" or config.architecture != wanted.oci_architecture:
        known = {spelt: name for name, spelt in OCI_ARCHITECTURES.items()}
        found = known.get(config.architecture, config.architecture or "an unknown architecture")
        raise Misfit(
            what=f"{wanted.name} is for {config.os} on {found}, not for {wanted.architecture}",
            hint=f"choose the one of {', '.join(ARCHITECTURES)} that the base has, or another base",
        )
