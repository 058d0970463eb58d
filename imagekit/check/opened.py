"""An artefact that was opened: what the rules read. Whoever opens it closes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.image import Descriptor, LayerRecord
from imagekit.model.target import Architecture, Target


class OpenLayer(Struct, frozen=True, kw_only=True):
    """One layer, from the base up."""

    descriptor: Descriptor | None
    """None in an archive that has no manifest: digest and compression are then nobody's promise."""
    diff_id: Digest | None = None
    """What the config says of it, where the caller knows better than the config's own list."""
    open: Callable[[], BinaryIO] | None = None
    """Reads the blob from its first byte; None where it is not there."""
    ours: bool = False
    """imagekit made it: every rule is an error (decision 6)."""
    known: LayerRecord | None = None
    """What was noted when it was made."""

    def place(self, index: int) -> str:
        """How findings name it: its place from the base up, and its digest if it has one."""
        digest = self.descriptor.digest if self.descriptor else self.diff_id
        return f"layer {index} ({digest.short})" if digest else f"layer {index}"


class OpenImage(Struct, frozen=True, kw_only=True):
    """An image: its two documents as bytes, its layers, and what it should be, if that is known."""

    name: str
    manifest_bytes: bytes | None
    """None where there is no manifest yet, as in what `docker save` writes."""
    media_type: str
    """As the registry or the layout says it; it may differ from what the manifest says."""
    config_bytes: bytes
    """Empty for an index."""
    layers: tuple[OpenLayer, ...] = ()
    architecture: Architecture | None = None
    """Of the function; Lambda's deploy does not compare it (lambda_rules M18)."""
    python: str | None = None
    """Minor version."""
    glibc: tuple[int, int] | None = None
    """Of the base."""
    handler: str | None = None
    """Of the function; else what the image's command says."""
    base: Digest | None = None
    """Of the base that has the lowest layers, where they are not here."""

    @property
    def ours(self) -> bool:
        """Whether imagekit made any of it."""
        return any(layer.ours for layer in self.layers)


class OpenZip(Struct, frozen=True, kw_only=True):
    """A ZIP for a managed runtime."""

    name: str
    source: Path | BinaryIO
    """A file, or anything that can be read and moved about in."""
    target: Target | None = None
    handler: str | None = None
    attached_layer_bytes: int = 0
    """Unzipped size of further Lambda layers of the function: they count towards the limit."""
    ours: bool = False
    """imagekit made it."""
    rest: Path | BinaryIO | None = None
    """What its loader fetches from a bucket, where it is at hand."""
    layers: tuple[Path | BinaryIO, ...] = ()
    """The Lambda layers that it names, in their order, where they are at hand."""
    storage: int | None = None
    """MB of `/tmp` that the function asks for."""
