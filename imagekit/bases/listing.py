"""What lies in a layer: its tar is streamed once, nothing is unpacked and little is kept."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Literal, Protocol

from msgspec import Struct, field

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, DigestMismatch, RemoteMismatch, TooLarge
from imagekit.model.image import LAYER, Descriptor

Kind = Literal["file", "folder", "link", "other"]

CHUNK_BYTES = 1 << 20
_OVERLAP_BYTES = 256
_INPUT_BYTES = 64 << 10
LIMIT_BYTES = 10 << 30
"""Lambda refuses larger images (lambda_rules T6), and a layer that inflates without end stops."""


# CPython's `Py_GetVersion` keeps PY_VERSION as a string of its own in the interpreter or libpython.
_PYTHON_NAME = re.compile(r"python3(?:\.\d+)?|libpython3(?:\.\d+)?\.so(?:\.[\d.]+)?")
_PYTHON = re.compile(rb"\x00(3\.\d{1,2}\.\d{1,2}(?:(?:a|b|rc)\d{1,2})?)\+?(?=\x00)")
# glibc's `banner` (csu/version.c), which `libc.so.6` prints when it is run.
_GLIBC_NAME = re.compile(r"libc\.so\.6|libc-2\.\d+\.so")
_GLIBC = re.compile(rb"GNU C Library [^\x00\n]{0,80} version (\d+\.\d+)")

# packaging.python.org, "Recording installed projects": a path, its hash, its size.
_RECORD = ".dist-info/RECORD"
_RECORD_BYTES = 16 << 20

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


class Readable(Protocol):
    """Compressed bytes, from a registry or a file."""

    def read(self, amount: int, /) -> bytes:
        """At most `amount` bytes; nothing at the end."""
        ...


class Node(Struct, frozen=True):
    """One path; `versions` are those that the file says of itself, where it is a known one."""

    kind: Kind
    link: str = ""
    versions: tuple[str, ...] = ()
    size_bytes: int = 0
    paths: tuple[str, ...] = ()
    """What a package's RECORD names, relative to the folder that the package lies in."""


class Listing(Struct):
    """One layer: its paths, and what it takes away from the layers below it."""

    nodes: dict[str, Node] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    emptied: set[str] = field(default_factory=set)
    tar_bytes: int = 0


def read_layer(
    stream: Readable, layer: Descriptor, diff_id: Digest, of: str, *, limit_bytes: int = LIMIT_BYTES
) -> Listing:
    """Stream one layer of the image `of` to its end, holding it to both its digests.

    Errors: CannotBuild for another compression or a broken archive, RemoteMismatch,
    DigestMismatch, TooLarge.
    """
    require_gzip(layer, of)
    compressed = _Hashed(stream)
    inflated = _Inflated(compressed, limit_bytes)
    listing = Listing()
    try:
        # In stream mode, a tar is read forwards only.
        with tarfile.open(fileobj=inflated, mode="r|", bufsize=CHUNK_BYTES) as archive:
            for member in archive:
                _take(listing, archive, member)
                # Else every header of the layer stays in memory.
                archive.members.clear()  # type: ignore[attr-defined] # typeshed leaves it out
        while inflated.read(CHUNK_BYTES):
            pass
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise CannotBuild(what=f"layer {layer.digest} of {of} cannot be read") from error
    for promised, found in ((layer.digest, compressed.digest), (diff_id, inflated.digest)):
        if promised != found:
            # Other bytes are the registry's doing, another tar in the right bytes is the image's.
            mismatch = RemoteMismatch if promised == layer.digest else DigestMismatch
            raise mismatch(what=f"a layer of {of}", expected=str(promised), actual=str(found))
    listing.tar_bytes = inflated.size_bytes
    return listing


def require_gzip(layer: Descriptor, of: str) -> None:
    """Lambda is known to take gzip only (lambda_rules M5 to M9); CannotBuild for all else."""
    if layer.media_type not in LAYER.values():
        raise CannotBuild(
            what=f"a layer of {of} has the type {layer.media_type}, which Lambda may refuse",
            causes=(f"layer {layer.digest}",),
            hint="use a base whose layers are compressed with gzip",
        )


def _take(listing: Listing, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    path = "/".join(part for part in member.name.split("/") if part not in ("", "."))
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        listing.emptied.add(folder)
    elif name.startswith(_WHITEOUT):
        listing.removed.add(f"{folder}/{name.removeprefix(_WHITEOUT)}".lstrip("/"))
    elif member.islnk():
        target = "/".join(part for part in member.linkname.split("/") if part not in ("", "."))
        listing.nodes[path] = listing.nodes.get(target, Node("file"))
    elif path:
        listing.nodes[path] = _node(archive, member, name)


def _node(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> Node:
    if member.isdir():
        return Node("folder")
    if member.issym():
        return Node("link", member.linkname)
    if not member.isreg():
        return Node("other")
    size = member.size
    for pattern, wanted in ((_PYTHON_NAME, _PYTHON), (_GLIBC_NAME, _GLIBC)):
        if pattern.fullmatch(name) and (data := archive.extractfile(member)):
            versions = tuple(sorted(set(_search(data, wanted))))
            return Node("file", versions=versions, size_bytes=size)
    if member.name.endswith(_RECORD) and size <= _RECORD_BYTES:
        return Node("file", size_bytes=size, paths=_recorded(archive, member))
    return Node("file", size_bytes=size)


def _recorded(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[str, ...]:
    """The first column of a RECORD; none of one that cannot be read."""
    data = archive.extractfile(member)
    lines = data.read().decode("utf-8", "replace").splitlines() if data else []
    try:
        return tuple(row[0] for row in csv.reader(lines) if row)
    except csv.Error:
        return ()


def _search(data: IO[bytes], wanted: re.Pattern[bytes]) -> Iterator[str]:
    window = b""
    while chunk := data.read(CHUNK_BYTES):
        window += chunk
        yield from (found[1].decode() for found in wanted.finditer(window))
        window = window[-_OVERLAP_BYTES:]


class _Hashed:
    """Hashes what passes through."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    def read(self, amount: int) -> bytes:
        data = self._stream.read(amount)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> Digest:
        return Digest(self._hash.hexdigest())


class _Inflated(io.RawIOBase):
    """Inflates gzip of one or several members (RFC 1952), a bounded piece at a time."""

    def __init__(self, stream: _Hashed, limit_bytes: int) -> None:
        self._stream = stream
        self._limit_bytes = limit_bytes
        self._member = zlib.decompressobj(31)
        self._waiting = b""
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = b""
        while not data:
            if self._member.eof:
                self._waiting = self._member.unused_data
                self._member = zlib.decompressobj(31)
                if not self._waiting and not self._fill():
                    return b""
            elif not self._waiting and not self._fill():
                raise EOFError("the layer ends too early")
            data = self._member.decompress(self._waiting, max(size, 1))
            self._waiting = self._member.unconsumed_tail
        return self._count(data)

    def _fill(self) -> bool:
        self._waiting = self._stream.read(_INPUT_BYTES)
        return bool(self._waiting)

    def _count(self, data: bytes) -> bytes:
        self._hash.update(data)
        self.size_bytes += len(data)
        if self.size_bytes > self._limit_bytes:
            raise TooLarge(
                what="a layer of the base",
                limit_bytes=self._limit_bytes,
                actual_bytes=self.size_bytes,
            )
        return data

    @property
    def digest(self) -> Digest:
        return Digest(self._hash.hexdigest())
