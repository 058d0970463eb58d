"""An inventory as a footprint: what each layer and each package weighs, and how near limits are."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from msgspec import Struct

from imagekit.check.entries import Entry
from imagekit.check.inventory.claims import Owner, owner_of
from imagekit.check.inventory.parts import BLOCK_BYTES, Inventory, Part
from imagekit.check.limits import (
    FAST_MANIFEST_BYTES,
    MAX_LAYERS,
    MAX_TAR_BYTES,
    MAX_UPLOAD_BYTES,
    UNZIPPED_BYTES,
)
from imagekit.check.view import WHITEOUT
from imagekit.model.footprint import (
    Footprint,
    LayerFootprint,
    LayerKind,
    Limit,
    PackageFootprint,
    Tally,
    tally,
)

OTHER = "other files"
"""What no package claims."""
SOURCE = "source"
BASE = "base"

_OURS = "imagekit "
_FILES = ("file", "hardlink", "symlink")


class LargeFile(Struct, frozen=True, order=True):
    """One file that weighs much."""

    unzipped_bytes: int
    path: str
    layer: str
    package: str


def footprint_of(inventory: Inventory) -> Footprint:
    """Every file once for each layer that holds it, as Lambda's limit counts them."""
    kinds = layer_kinds(inventory)
    return Footprint(
        name=inventory.name,
        packaging=inventory.packaging,
        limit_bytes=UNZIPPED_BYTES if inventory.packaging == "zip" else MAX_TAR_BYTES,
        layers=tuple(_layer(part, kind) for part, kind in zip(inventory.parts, kinds, strict=True)),
        base_bytes=inventory.base_bytes,
        missing=uncounted(inventory),
    )


def limits_of(inventory: Inventory) -> tuple[Limit, ...]:
    """What Lambda counts, as far as it is known."""
    if inventory.packaging == "zip":
        return tuple(_zip_limits(inventory))
    tars = sum(part.tar_bytes for part in inventory.parts) + inventory.base_bytes
    missing = uncounted(inventory)
    without = f", without {missing} of them" if missing else ""
    layers = Limit(
        rule="T7", what="layers", used=len(inventory.parts), limit=MAX_LAYERS, bytes=False
    )
    manifests = (
        Limit(rule="M11", what="manifest", used=len(manifest), limit=FAST_MANIFEST_BYTES)
        for manifest in inventory.documents[1:]
    )
    return (
        Limit(rule="T6", what=f"layers as tars{without}", used=tars, limit=MAX_TAR_BYTES),
        layers,
        *manifests,
    )


def uncounted(inventory: Inventory) -> int:
    """How many layers of an image are in no sum: nobody knows what they weigh."""
    if inventory.packaging == "zip":
        return 0
    return sum(
        part.unread is not None and not part.known and not (kind == "base" and inventory.base_bytes)
        for part, kind in zip(inventory.parts, layer_kinds(inventory), strict=True)
    )


def base_is_away(inventory: Inventory) -> bool:
    """Whether an image has a base, and not one of its layers could be read."""
    kinds = zip(inventory.parts, layer_kinds(inventory), strict=True)
    base = [part for part, kind in kinds if kind == "base"]
    return bool(base) and all(part.unread for part in base)


def largest_files(inventory: Inventory, count: int) -> tuple[LargeFile, ...]:
    """The heaviest first."""
    return tuple(heapq.nlargest(count, _files(inventory)))


def layer_kinds(inventory: Inventory) -> tuple[LayerKind, ...]:
    """What each layer is, as far as its history tells: what lies below ours is the base."""
    if inventory.packaging == "zip":
        return tuple(part.kind or "zip" for part in inventory.parts)
    said = [_said(part) for part in inventory.parts]
    first = next((index for index, kind in enumerate(said) if kind != "other"), 0)
    return tuple("base" if index < first else kind for index, kind in enumerate(said))


def title(part: Part) -> str:
    """A layer's name for people: as imagekit called it, else its place."""
    if not part.created_by.startswith(_OURS):
        return part.name
    return part.created_by.removeprefix(_OURS).partition(":")[0]


def _zip_limits(inventory: Inventory) -> Iterator[Limit]:
    """Z1 has an archive in the ZIP as the one file that Lambda unzips, Z2 the ZIP alone."""
    unzipped = sum(_unzipped(part) for part in inventory.parts)
    sent = inventory.parts[0].size_bytes or 0
    yield Limit(rule="Z1", what="unzipped", used=unzipped, limit=UNZIPPED_BYTES)
    yield Limit(rule="Z2", what="sent without S3", used=sent, limit=MAX_UPLOAD_BYTES)
    unpacked = sum(_on_disk(part) for part in inventory.parts if part.kind == "unpacked")
    if unpacked:
        limit = inventory.storage * 1024**2
        yield Limit(rule="P6", what="unpacked to /tmp", used=unpacked, limit=limit)


def _unzipped(part: Part) -> int:
    """What Lambda unzips of it to `/var/task` or `/opt`."""
    if part.kind == "unpacked":
        return part.packed_bytes or 0
    return part.said_bytes if part.unread else sum(entry.size_bytes for entry in part.entries)


def _on_disk(part: Part) -> int:
    """Of `/tmp`, in whole blocks; as the ZIP says it where its files are not known."""
    if part.unread:
        return part.said_bytes
    sizes = (entry.size_bytes for entry in part.entries if entry.kind == "file")
    return sum(-(-size // BLOCK_BYTES) * BLOCK_BYTES for size in sizes)


def _said(part: Part) -> LayerKind:
    if not part.created_by.startswith(_OURS):
        return "other"
    name = title(part)
    if name.startswith("extension"):
        return "extension"
    if name == "runtime client":
        return "client"
    return "source" if name == SOURCE else "packages"


def _layer(part: Part, kind: LayerKind) -> LayerFootprint:
    known_bytes = part.known.unzipped_bytes if part.known else part.said_bytes
    return LayerFootprint(
        name=title(part),
        kind=kind,
        packages=tuple(_packages(part, kind)),
        digest=str(part.digest) if part.digest else None,
        size_bytes=part.size_bytes,
        packed_bytes=part.packed_bytes,
        uncounted_bytes=known_bytes if part.unread else 0,
        unread=part.unread,
    )


def _packages(part: Part, kind: LayerKind) -> Iterator[PackageFootprint]:
    found: dict[Owner | None, list[tuple[str, int]]] = {}
    for entry in _counted(part.entries):
        owner = None if kind == "base" else owner_of(entry.path, part.claimed)
        found.setdefault(owner, []).append((entry.path, entry.size_bytes))
    for owner in sorted(one for one in found if one):
        yield PackageFootprint(
            name=owner.name, version=owner.version or None, categories=tally(found[owner])
        )
    if None in found:
        own = _rest(kind) == SOURCE
        counted: Tally = tally(found[None], own=own)
        yield PackageFootprint(name=_rest(kind), own=own, categories=counted)


def _rest(kind: LayerKind) -> str:
    """Whose the files are that no package claims."""
    match kind:
        case "base":
            return BASE
        case "source" | "zip":
            return SOURCE
    return OTHER


def _files(inventory: Inventory) -> Iterator[LargeFile]:
    for part, kind in zip(inventory.parts, layer_kinds(inventory), strict=True):
        for entry in _counted(part.entries):
            owner = None if kind == "base" else owner_of(entry.path, part.claimed)
            package = f"{owner.name} {owner.version}".rstrip() if owner else _rest(kind)
            yield LargeFile(entry.size_bytes, entry.path, title(part), package)


def _counted(entries: Sequence[Entry]) -> Iterator[Entry]:
    for entry in entries:
        name = entry.path.rpartition("/")[2]
        if entry.kind in _FILES and not name.startswith(WHITEOUT):
            yield entry
