"""What a manifest references: as much as moving an image needs, no more."""

from __future__ import annotations

import json

from imagekit.model.digest import Digest
from imagekit.model.image import Descriptor


def blobs_in(manifest: bytes) -> tuple[Descriptor, ...]:
    """The layers and, last, the config of a single-image manifest; none for an index.

    ValueError for what is neither.
    """
    try:
        found = json.loads(manifest)
        if "config" not in found and "manifests" in found:
            return ()
        return tuple(_descriptor(entry) for entry in (*found["layers"], found["config"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a manifest: {error}") from error


def known_blobs(manifest: bytes) -> frozenset[Digest]:
    """As `blobs_in`, by digest; none for what cannot be read."""
    try:
        return frozenset(blob.digest for blob in blobs_in(manifest))
    except ValueError:
        return frozenset()


def _descriptor(entry: dict[str, object]) -> Descriptor:
    size = entry["size"]
    if not isinstance(size, int):
        raise ValueError(f"not a size: {size!r}")
    return Descriptor(
        media_type=str(entry["mediaType"]),
        digest=Digest.parse(str(entry["digest"])),
        size_bytes=size,
    )
