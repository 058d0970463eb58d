"""Reading a layer once: its bytes against what was promised, its entries, what its files are."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from msgspec import Struct

from imagekit.check.bytecode import magic_number
from imagekit.check.content import Lookout
from imagekit.check.entries import Entry
from imagekit.check.machine import Expected
from imagekit.check.opened import OpenLayer
from imagekit.check.stream import BrokenLayer, Compression, TarStream, UnreadLayer
from imagekit.check.tar import read_entries
from imagekit.model.digest import Digest


class LayerFacts(Struct, frozen=True, kw_only=True):
    """What one pass over a layer's blob gave."""

    place: str
    ours: bool
    entries: tuple[Entry, ...] = ()
    compression: Compression = "none"
    blob_bytes: int = 0
    tar_bytes: int = 0
    digest: Digest | None = None
    """None where the blob was not read to its end."""
    diff_id: Digest | None = None
    broken: str | None = None
    """Why its bytes are no layer."""
    unread: str | None = None
    """Why it was not read to its end, though nothing is wrong with its bytes."""

    @property
    def whole(self) -> bool:
        """Whether its entries are known, all of them."""
        return self.broken is None and self.unread is None


def read_layer(
    index: int, layer: OpenLayer, expected: Expected, inspect: Callable[[str], bool]
) -> LayerFacts:
    """Read a layer that is there, in one pass and in bounded memory; `inspect` as Lookout's."""
    place = layer.place(index)
    if layer.open is None:
        return LayerFacts(place=place, ours=layer.ours, unread="it is not here")
    with layer.open() as blob:
        lookout = Lookout(
            inspect=(lambda _: True) if layer.ours else inspect, magic=magic_number(expected.python)
        )
        return read_blob(blob, lookout, place=place, ours=layer.ours)


def read_blob(blob: BinaryIO, lookout: Lookout, *, place: str, ours: bool) -> LayerFacts:
    """As `read_layer`, over a tar or a gzip of one that is open already."""
    stream = TarStream(blob)
    entries: list[Entry] = []
    broken: str | None = None
    unread = "it is zstd, which imagekit does not read" if stream.compression == "zstd" else None
    try:
        entries.extend(read_entries(stream, lookout, place=place, ours=ours))
        stream.drain()
    except BrokenLayer as error:
        broken = str(error)
    except UnreadLayer as error:
        unread = str(error)
    known = broken is None and not (unread and stream.compression == "gzip")
    return LayerFacts(
        place=place,
        ours=ours,
        entries=tuple(entries),
        compression=stream.compression,
        blob_bytes=stream.blob_bytes,
        tar_bytes=stream.tar_bytes,
        digest=stream.digest if known else None,
        diff_id=stream.diff_id if known and unread is None else None,
        broken=broken,
        unread=unread,
    )
