"""How much of an image Lambda's loader has already: an estimate, in chunks of 512 KiB.

Lambda unpacks the layers one after the other into one ext4 image, always in the same way, cuts it
into chunks and keeps each chunk once, under its content (lambda_rules C3). Its layout is not
public. Here files lie in that order, each from a block's start, without the file system's own
tables: a file that grows moves all that follows, which ext4 partly avoids. So the count is an upper
one, and beside it stands the least that new bytes can fill.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from imagekit.check.inventory.parts import BLOCK_BYTES, HASH_BYTES, Part
from imagekit.check.view import View

CHUNK_BYTES: Final = 512 * 1024
_CHUNK_HASHES: Final = CHUNK_BYTES // BLOCK_BYTES * HASH_BYTES


class ChunkEstimate(Struct, frozen=True, kw_only=True):
    """Of the newer image: how many chunks it has, and how many of them the older one lacks."""

    chunks: int
    new_at_most: int
    new_at_least: int


def estimate(before: Flat, after: Flat) -> ChunkEstimate:
    """Compare two flattened images."""
    known = frozenset(_cut(before.hashes, _CHUNK_HASHES))
    laid = list(_cut(after.hashes, _CHUNK_HASHES))
    blocks = frozenset(_cut(before.hashes, HASH_BYTES))
    fresh = {one for one in _cut(after.hashes, HASH_BYTES) if one not in blocks}
    return ChunkEstimate(
        chunks=len(laid),
        new_at_most=sum(chunk not in known for chunk in laid),
        new_at_least=-(-len(fresh) * HASH_BYTES // _CHUNK_HASHES),
    )


class Flat(Struct, frozen=True):
    """A flattened image: the hashes of its blocks, one after the other."""

    hashes: bytes


def flatten(parts: tuple[Part, ...], view: View) -> Flat:
    """Lay out what is left of every layer, in the order in which it is unpacked.

    `view` is what the same parts make together.
    """
    left = view.files()
    found = bytearray()
    for part in parts:
        for entry in part.entries:
            if left.get(entry.path) is entry:
                found += entry.seen.blocks
    return Flat(bytes(found))


def _cut(hashes: bytes, size: int) -> Iterator[bytes]:
    return (hashes[at : at + size] for at in range(0, len(hashes), size))
