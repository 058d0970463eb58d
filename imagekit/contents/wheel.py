"""Reading a wheel where it lies: its directory, and its members one at a time, never unpacked.

https://packaging.python.org/specifications/binary-distribution-format and PKWARE's APPNOTE.TXT.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from imagekit.model.errors import BadWheel
from imagekit.model.tree import Deflated

if TYPE_CHECKING:
    import zipfile

    from _typeshed import WriteableBuffer

_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_STREAMED = 0x8  # sizes and CRC stand behind the data; the local header may leave them out
_UTF8 = 0x800
_IN_ZIP64_EXTRA = 0xFFFFFFFF
_LOCAL = struct.Struct("<4s5H3I2H")

# A match of 258 bytes costs two bits at least (RFC 1951, 3.2.5), so nothing unpacks to more.
_LARGEST_RATIO = 1032
_PEEKED_BYTES = 1024

_DRIVE = re.compile(r"[A-Za-z]:")


class RandomAccess(Protocol):
    """Bytes that can be read at any place; safe to share between threads."""

    @property
    def size_bytes(self) -> int:
        """How many there are."""
        ...

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Bytes from `offset` on; fewer than asked only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on disk, opened for each read: no lifetime to manage, no handle per wheel to keep.

    Opening costs 6 µs, 50 ms for the 9,000 files of a large project.
    """

    path: Path

    @property
    def size_bytes(self) -> int:
        """Size of the file now."""
        return self.path.stat().st_size

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Bytes from `offset` on; fewer than asked only at the end."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of a wheel, as the central directory describes it."""

    path: str
    size_bytes: int
    compressed_bytes: int
    crc32: int
    method: int
    """0 stored, 8 deflated; nothing else is accepted."""
    mode: int
    """Unix mode from the external attributes; 0 where the wheel was made without."""
    header_offset: int

    @property
    def executable(self) -> bool:
        """Whether any execute bit is set, as uv and pip see it."""
        return bool(self.mode & 0o111)


@dataclass(frozen=True, slots=True)
class WheelMember:
    """Content of one member: read and checked each time it is asked for, kept by no one."""

    wheel: str
    """For errors."""
    source: RandomAccess
    member: Member

    def read(self) -> bytes:
        """All of it; BadWheel where size or CRC are not those of the directory."""
        return bytes(self._checked(self._stored()))

    def deflated(self) -> Deflated | None:
        """The stream as it lies in the wheel, known to unpack; None where it is stored."""
        if self.member.method == _STORED:
            return None
        stored = self._stored()
        self._checked(stored)
        return Deflated(
            data=bytes(stored), crc32=self.member.crc32, size_bytes=self.member.size_bytes
        )

    def peek(self, size_bytes: int) -> bytes:
        """The first bytes, up to `size_bytes`, from a short read; the CRC is not checked."""
        stored = self._stored(_PEEKED_BYTES)
        if self.member.method == _STORED:
            return bytes(stored[:size_bytes])
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stored, size_bytes)
        except zlib.error as error:
            raise self._bad(f"does not unpack ({error})") from error

    def _stored(self, at_most: int | None = None) -> memoryview:
        """The member's bytes as they lie in the wheel."""
        member = self.member
        wanted = member.compressed_bytes
        if at_most is not None:
            wanted = min(wanted, at_most)
        # One read where the local header has no extra field, which is nearly always.
        size = _LOCAL.size + len(member.path.encode()) + wanted
        data = self.source.read_at(member.header_offset, size)
        start = self._local_bytes(data)
        if missing := max(0, start + wanted - len(data)):
            data += self.source.read_at(member.header_offset + len(data), missing)
        if len(data) < start + wanted:
            raise self._bad("ends before its size")
        return memoryview(data)[start : start + wanted]

    def _local_bytes(self, data: bytes) -> int:
        """Length of the local header, once it agrees with the directory."""
        if len(data) < _LOCAL.size:
            raise self._bad("has no local header")
        magic, _, flags, method, _, _, crc32, compressed, size, name_bytes, extra_bytes = (
            _LOCAL.unpack_from(data)
        )
        end = _LOCAL.size + name_bytes
        name = data[_LOCAL.size : end].decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        sizes = (self.member.crc32, self.member.compressed_bytes, self.member.size_bytes)
        sized = flags & _STREAMED or _IN_ZIP64_EXTRA in (compressed, size)
        if magic != b"PK\x03\x04" or (name, method) != (self.member.path, self.member.method):
            raise self._bad("has another local header than the directory says")
        if flags & _ENCRYPTED or not (sized or (crc32, compressed, size) == sizes):
            raise self._bad("has another local header than the directory says")
        return int(end + extra_bytes)

    def _checked(self, stored: memoryview) -> bytearray | memoryview:
        # deflate is a compiled module: 8 ms that a build without new wheels need not pay.
        from deflate import DeflateError, crc32, deflate_decompress

        data: bytearray | memoryview = stored
        if self.member.method == _DEFLATED:
            try:
                data = deflate_decompress(stored, self.member.size_bytes)
            except DeflateError as error:
                raise self._bad("is corrupt, or larger than it declares") from error
        if len(data) != self.member.size_bytes:
            raise self._bad(f"is not the {self.member.size_bytes} bytes that it declares")
        if crc32(data) != self.member.crc32:
            raise self._bad("does not have the CRC that it declares")
        return data

    def _bad(self, what: str) -> BadWheel:
        return BadWheel(wheel=self.wheel, what=f"{self.member.path!r} {what}")


def directory(source: RandomAccess, wheel: str) -> tuple[Member, ...]:
    """The files of a wheel in the order of its central directory, folders left out.

    BadWheel, naming `wheel` and the member: not a zip, truncated, a name that climbs out of its
    root or stands there twice, a link or device, encryption, an unknown method, members that
    overlap or that declare more than they can hold.
    """
    infos = _infos(source, wheel)
    seen: set[str] = set()
    for info in infos:
        # `filename` was already made safe, differently in each version of zipfile.
        path = info.orig_filename
        reason = _unsafe_name(path) or _unsafe_kind(info)
        if reason is None and path in seen:
            reason = "stands there twice"
        if reason:
            raise BadWheel(wheel=wheel, what=f"{path!r} {reason}")
        seen.add(path)
    _check_places(infos, source.size_bytes, wheel)
    return tuple(_members(infos))


def _infos(source: RandomAccess, wheel: str) -> list[zipfile.ZipInfo]:
    import zipfile

    try:
        with zipfile.ZipFile(_Seekable(source)) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, struct.error) as error:
        raise BadWheel(wheel=wheel, what=f"not a readable zip ({error})") from error


def _members(infos: Iterable[zipfile.ZipInfo]) -> Iterator[Member]:
    for info in infos:
        if not info.orig_filename.endswith("/"):
            yield Member(
                path=info.orig_filename,
                size_bytes=info.file_size,
                compressed_bytes=info.compress_size,
                crc32=info.CRC,
                method=info.compress_type,
                mode=info.external_attr >> 16,
                header_offset=info.header_offset,
            )


def unsafe_path(path: str) -> bool:
    """Whether a relative path could leave its root, on any system, or is not in its plain form."""
    parts = path.split("/")
    return bool(
        "\0" in path
        or "\\" in path
        or _DRIVE.match(path)
        or any(part in ("", ".", "..") for part in parts)
    )


def _unsafe_name(path: str) -> str | None:
    return "would be written outside its root" if unsafe_path(path.removesuffix("/")) else None


def _unsafe_kind(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    folder = info.orig_filename.endswith("/")
    if kind not in (0, stat.S_IFDIR if folder else stat.S_IFREG):
        return "is a link" if kind == stat.S_IFLNK else "is not a regular file"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (_STORED, _DEFLATED):
        return f"is compressed by method {info.compress_type}, not deflate"
    if info.compress_type == _STORED and info.file_size != info.compress_size:
        return "is stored in another size than it declares"
    if info.file_size > _LARGEST_RATIO * info.compress_size:
        return "declares more than it can hold"
    return None


def _check_places(infos: Iterable[zipfile.ZipInfo], size_bytes: int, wheel: str) -> None:
    """Members share no bytes: else a small file could unpack to any size."""
    end = size_bytes
    for info in sorted(infos, key=lambda info: info.header_offset, reverse=True):
        if info.header_offset < 0 or info.header_offset + _LOCAL.size + info.compress_size > end:
            raise BadWheel(wheel=wheel, what=f"{info.orig_filename!r} overlaps what follows it")
        end = info.header_offset


class _Seekable(io.RawIOBase):
    """RandomAccess in the shape that zipfile wants."""

    def __init__(self, source: RandomAccess) -> None:
        super().__init__()
        self._source = source
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size_bytes}
        at = start[whence] + offset
        if at < 0:
            # What a file does, and what zipfile counts on for files shorter than its trailer.
            raise OSError("before the start")
        self._at = at
        return at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._source.read_at(self._at, len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
