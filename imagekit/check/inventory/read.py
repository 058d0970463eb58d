"""Reading an artefact as it streams by: names and sizes, and content as hashes of its blocks.

Nothing of a file stays in memory but its name and sixteen bytes for each 4 KiB.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.check.content import Readable
from imagekit.check.entries import NOTHING_SEEN, Entry, Seen
from imagekit.check.inventory.claims import MAX_RECORD_BYTES, Owner, claims, is_record
from imagekit.check.members import MemberStream, entry_of
from imagekit.check.opened import OpenImage, OpenLayer, OpenZip
from imagekit.check.stream import BrokenLayer, TarStream, UnreadLayer
from imagekit.check.tar import read_entries
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, UsageError
from imagekit.model.image import History, ImageConfig, LayerRecord
from imagekit.oci.documents import parse_config
from imagekit.oci.history import settled_history

BLOCK_BYTES: Final = 4096
"""Of ext4, as Lambda flattens an image (lambda_rules C3)."""
HASH_BYTES: Final = 16

_READ_BLOCKS: Final = 256
_UNREADABLE: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, BrokenLayer, ValueError),
    *(NotImplementedError, RuntimeError),  # zipfile's, of compressions and of encryption
)


class Part(Struct, frozen=True, kw_only=True):
    """One layer, or a whole ZIP, as it lies there."""

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


class Inventory(Struct, frozen=True, kw_only=True):
    """All that an artefact holds."""

    name: str
    packaging: str
    """`image` or `zip`."""
    parts: tuple[Part, ...]
    """From the base up."""
    size_bytes: int | None
    """Compressed, its documents included; None where it has no manifest."""
    documents: tuple[bytes, ...] = ()
    """An image's config, and its manifest where it has one."""


class Reader(Struct):
    """Reads artefacts; a layer that two of them share is read once."""

    content: bool = False
    """Whether the blocks of files are hashed."""
    _layers: dict[Digest, Part] = field(default_factory=dict)

    def read(self, artefact: OpenImage | OpenZip) -> Inventory:
        """All of it. UsageError for an index, CannotBuild for what cannot be read."""
        return self._zip(artefact) if isinstance(artefact, OpenZip) else self._image(artefact)

    def _image(self, image: OpenImage) -> Inventory:
        if not image.config_bytes:
            raise UsageError(
                what=f"{image.name} is an index of several images",
                hint="name one of them, such as REPOSITORY:TAG-x86_64 or REPOSITORY@DIGEST",
            )
        config = parse_config(image.config_bytes, name=image.name)
        history = [entry for entry in settled_history(config) if not entry.empty_layer]
        history += [History()] * len(image.layers)
        parts = tuple(
            self._layer(index, layer, entry, config)
            for index, (layer, entry) in enumerate(zip(image.layers, history, strict=False))
        )
        sizes = [part.size_bytes for part in parts]
        written = (image.config_bytes, image.manifest_bytes)
        documents = tuple(one for one in written if one)
        return Inventory(
            name=image.name,
            packaging="image",
            parts=parts,
            size_bytes=_sum((*sizes, *map(len, documents))),
            documents=documents,
        )

    def _layer(self, index: int, layer: OpenLayer, entry: History, config: ImageConfig) -> Part:
        listed = config.diff_ids[index] if index < len(config.diff_ids) else None
        diff_id = layer.diff_id or listed
        blob = layer.descriptor
        key = blob.digest if blob else diff_id
        part = self._layers.get(key) if key else None
        if part is None:
            part = self._read_layer(layer)
        if key is not None:
            self._layers[key] = part
        return replace(
            part,
            name=layer.place(index),
            digest=blob.digest if blob else None,
            diff_id=diff_id,
            size_bytes=blob.size_bytes if blob else None,
            tar_bytes=part.tar_bytes or (layer.known.tar_bytes if layer.known else 0),
            created_by=entry.created_by,
            known=layer.known,
        )

    def _read_layer(self, layer: OpenLayer) -> Part:
        noted = _Noted(content=self.content)
        if layer.open is None:
            return Part(name="", unread="its bytes are not here")
        with layer.open() as blob:
            stream = TarStream(blob)
            if stream.compression == "zstd":
                return Part(name="", unread="it is zstd, which imagekit does not read")
            try:
                noted.entries.extend(read_entries(stream, noted, place="", ours=layer.ours))
                stream.drain()
            except (BrokenLayer, UnreadLayer) as error:
                return Part(name="", unread=str(error))
        if layer.descriptor and stream.digest != layer.descriptor.digest:
            return Part(name="", unread="its bytes are not those that its digest promises")
        return noted.part(stream.tar_bytes)

    def _zip(self, archive: OpenZip) -> Inventory:
        if isinstance(archive.source, Path):
            with archive.source.open("rb") as file:
                return self._members(archive, file)
        return self._members(archive, archive.source)

    def _members(self, archive: OpenZip, file: BinaryIO) -> Inventory:
        noted = _Noted(content=self.content)
        try:
            with zipfile.ZipFile(file) as opened:
                for info in opened.infolist():
                    entry = entry_of(info, ours=archive.ours)
                    if entry.kind == "file" and (self.content or is_record(entry.path)):
                        with opened.open(info) as member:
                            seen, _ = noted(entry.path, info.file_size, MemberStream(member))
                        entry = replace(entry, seen=seen)
                    noted.entries.append(entry)
        except _UNREADABLE as error:
            raise CannotBuild(
                what=f"{archive.name} cannot be read",
                causes=(str(error),),
                hint=f"imagekit check {archive.name}",
            ) from error
        part = replace(noted.part(), name=archive.name, digest=_digest(file))
        size_bytes = file.seek(0, 2)
        return Inventory(name=archive.name, packaging="zip", parts=(part,), size_bytes=size_bytes)


class _Noted(Struct):
    """What is noted of the files of one layer, as they pass by."""

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


def _hashed(data: bytes) -> bytes:
    return b"".join(
        hashlib.blake2b(data[at : at + BLOCK_BYTES], digest_size=HASH_BYTES).digest()
        for at in range(0, len(data), BLOCK_BYTES)
    )


def _sum(sizes: Iterable[int | None]) -> int | None:
    """None where one of them is not known."""
    known = tuple(sizes)
    return None if None in known else sum(size or 0 for size in known)


def _digest(file: BinaryIO) -> Digest:
    found = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(BLOCK_BYTES * _READ_BLOCKS):
        found.update(chunk)
    return Digest(found.hexdigest())
