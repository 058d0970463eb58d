"""The central directory of a wheel, from a file or from HTTP ranges; what is unsafe is refused."""

from __future__ import annotations

import io
import re
import stat
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from imagekit.contents.wheel import DEFLATED, ENCRYPTED, LOCAL_HEADER, STORED, Member, RandomAccess
from imagekit.model.errors import BadWheel

if TYPE_CHECKING:
    import zipfile

    from _typeshed import WriteableBuffer

# A match of 258 bytes costs two bits at least (RFC 1951, 3.2.5), so nothing unpacks to more.
_LARGEST_RATIO = 1032

_DRIVE = re.compile(r"[A-Za-z]:")


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
    if info.flag_bits & ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (STORED, DEFLATED):
        return f"is compressed by method {info.compress_type}, not deflate"
    if info.compress_type == STORED and info.file_size != info.compress_size:
        return "is stored in another size than it declares"
    if info.file_size > _LARGEST_RATIO * info.compress_size:
        return "declares more than it can hold"
    return None


def _check_places(infos: Iterable[zipfile.ZipInfo], size_bytes: int, wheel: str) -> None:
    """Members share no bytes: else a small file could unpack to any size."""
    end = size_bytes
    for info in sorted(infos, key=lambda info: info.header_offset, reverse=True):
        if (
            info.header_offset < 0
            or info.header_offset + LOCAL_HEADER.size + info.compress_size > end
        ):
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
