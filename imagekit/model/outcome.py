"""What a plan foresees and a build did, as one value that reports read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.model.packaging import Packaging, Unpacks
from imagekit.model.slim import NOTHING_LEFT_OUT, Slimmed
from imagekit.model.target import Architecture

if TYPE_CHECKING:
    # Of plans that are shown, not of each build: 10 ms at every start.
    from imagekit.model.advice import Way
    from imagekit.model.budget import Spent
    from imagekit.model.footprint import Footprint
    from imagekit.model.lambda_layer import LambdaLayer


class LayerOutcome(Struct, frozen=True, kw_only=True):
    """One layer, made or to be made."""

    name: str
    packages: tuple[tuple[str, str], ...]
    """Name and version; none for the source."""
    why: str
    fingerprint: Digest
    unzipped_bytes: int
    """With bytecode, of a ZIP as much as is kept; exact once it was made, foreseen before."""
    stored: bool = False
    """Whether the store has it: the layer itself, or the wheels that a ZIP takes."""
    record: LayerRecord | None = None
    """Of an image's layer that was made."""


class Outcome(Struct, frozen=True, kw_only=True):
    """One function on one architecture."""

    name: str
    architecture: Architecture
    packaging: Packaging
    why: str
    unzipped_bytes: int
    """All that counts against the limit, bytecode included; foreseen until it was made."""
    limit_bytes: int
    layers: tuple[LayerOutcome, ...]
    base: str | None = None
    base_bytes: int = 0
    extensions: tuple[tuple[str, int], ...] = ()
    """Reference and unzipped bytes of each, in stacking order."""
    added_bytes: int = 0
    """What imagekit puts into a ZIP beside the layers: the loader, or what tells of Lambda
    layers."""
    others_bytes: int = 0
    """Of Lambda layers of others."""
    foreseen_bytes: int = 0
    """Of `unzipped_bytes`, bytecode that was not compiled yet: an estimate."""
    bytecode: str | None = None
    """What is said of the bytecode: a version, or why there is none."""
    path: Path | None = None
    sparse: bool = False
    """The layout at `path` lacks the base's layers."""
    reference: str | None = None
    digest: Digest | None = None
    sent_bytes: int | None = None
    mounted_bytes: int | None = None
    size_bytes: int | None = None
    """Compressed, base included."""
    seconds: float | None = None
    docker_for: tuple[str, ...] = ()
    """What only Docker can do, in words: `system packages (libgomp1)`."""
    image_id: str | None = None
    """Of an image that Docker built: as the engine names it."""
    steps_run: tuple[str, ...] | None = None
    """Instructions that Docker ran; None where it did not build. The others were cached."""
    steps_cached: int = 0
    slim: Slimmed = NOTHING_LEFT_OUT
    unpacks: Unpacks | None = None
    """What a ZIP unpacks to `/tmp` at start."""
    attaches: tuple[LambdaLayer, ...] = ()
    """Lambda layers that hold what a ZIP has not."""
    changes: tuple[str, ...] = ()
    """Packages that differ from the build before: `pandas 3.1.0→3.1.1`."""

    footprint: Footprint | None = None
    """By category; of a plan that is shown."""
    ways: tuple[Way, ...] = ()
    """What would change the verdict; of a plan that is shown."""
    spent: tuple[Spent, ...] = ()
    """How much of the budget is used; of a plan that is shown."""

    @property
    def packages(self) -> dict[str, str]:
        """Version by name, of all layers."""
        return dict(package for layer in self.layers for package in layer.packages)


def changes(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """Packages that were added, removed or moved, in words."""
    moved = [
        f"{name} {before[name]}→{version}"
        for name, version in sorted(after.items())
        if name in before and before[name] != version
    ]
    added = [f"+{name} {version}" for name, version in sorted(after.items()) if name not in before]
    removed = [f"-{name}" for name in sorted(before) if name not in after]
    return (*moved, *added, *removed)
