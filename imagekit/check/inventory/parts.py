"""What an artefact holds, as values, and the notes that are taken while its files pass by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import BinaryIO, Final

from msgspec import Struct, field

from imagekit.check.content import Readable
from imagekit.check.entries import NOTHING_SEEN, Entry, Seen
from imagekit.check.inventory.claims import MAX_RECORD_BYTES, Owner, claims, is_record
from imagekit.model.digest import Digest
from imagekit.model.footprint import ZipPart
from imagekit.model.image import LayerRecord
from imagekit.model.packaging import DEFAULT_STORAGE

BLOCK_BYTES: Final = 4096
"""Of ext4, as Lambda flattens an image (lambda_rules C3)."""
HASH_BYTES: Final = 16

_READ_BLOCKS: Final = 256


class Part(Struct, frozen=True, kw_only=True):
    """One layer, or one archive of a ZIP's, as it lies there."""

    name: str
    entries: tuple[Entry, ...] = ()
    claimed: Mapping[str, Owner] = field(default_factory=dict)
    """What the packages in it claim."""
    digest: Digest | None = None
    """Of the blob."""
    diff_id: Digest | None = None
    size_bytes: int | None = None
    """Compressed."""
    tar_bytes: int = 0
    """0 in a ZIP, and where it is not known."""
    created_by: str = ""
    known: LayerRecord | None = None
    unread: str | None = None
    """Why its files are not known."""
    kind: ZipPart | None = None
    """None for a layer of an image."""
    packed_bytes: int | None = None
    """Of an archive in the ZIP: what it weighs there, as the one file that Lambda unzips."""
    said_bytes: int = 0
    """Of an archive that is not in the ZIP: what it unzips to, as the ZIP says."""


class Inventory(Struct, frozen=True, kw_only=True):
    """All that an artefact holds."""

    name: str
    packaging: str
    """`image` or `zip`."""
    parts: tuple[Part, ...]
    """From the base up; of a ZIP itself first."""
    size_bytes: int | None
    """Compressed, its documents included; None where it has no manifest. Of a ZIP with all that
    lies elsewhere."""
    documents: tuple[bytes, ...] = ()
    """An image's config, and its manifest where it has one."""
    base_bytes: int = 0
    """Of the base's layers as tars, in sum, where that is known and none of them could be read."""
    storage: int = DEFAULT_STORAGE
    """MB of the function's `/tmp`."""


class Noted(Struct):
    """What is noted of the files of one layer or archive, as they pass by."""

    content: bool = False
    entries: list[Entry] = field(default_factory=list)
    claimed: dict[str, Owner] = field(default_factory=dict)

    def __call__(self, path: str, size_bytes: int, stream: Readable) -> tuple[Seen, int]:
        """Read of one file what is needed; how many bytes that were."""
        text = bytearray() if is_record(path) and size_bytes <= MAX_RECORD_BYTES else None
        if text is None and not self.content:
            return NOTHING_SEEN, 0
        hashes = bytearray()
        left = size_bytes
        while left:
            data = stream.read(min(left, BLOCK_BYTES * _READ_BLOCKS))
            left -= len(data)
            if text is not None:
                text += data
            if self.content:
                hashes += _hashed(data)
        if text is not None:
            self.claimed.update(claims(path, text.decode("utf-8", "replace")))
        return Seen(blocks=bytes(hashes)), size_bytes

    def part(self, tar_bytes: int = 0) -> Part:
        """All that was noted, as a value that has no name yet."""
        return Part(
            name="",
            entries=tuple(self.entries),
            claimed=self.claimed,
            tar_bytes=tar_bytes,
        )


def digest_of(file: BinaryIO) -> Digest:
    """Of all of it, from its first byte."""
    found = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(BLOCK_BYTES * _READ_BLOCKS):
        found.update(chunk)
    return Digest(found.hexdigest())


def _hashed(data: bytes) -> bytes:
    return b"".join(
        hashlib.blake2b(data[at : at + BLOCK_BYTES], digest_size=HASH_BYTES).digest()
        for at in range(0, len(data), BLOCK_BYTES)
    )
