"""A ZIP's members: as entries, and what is odd about them (PKWARE's APPNOTE.TXT, 4.3 and 4.4)."""

from __future__ import annotations

import calendar
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO, Final

from msgspec import Struct

from imagekit.check.content import Lookout
from imagekit.check.entries import NOTHING_SEEN, Entry, Kind, Seen, plain_path
from imagekit.check.findings import Rule
from imagekit.check.rules import Z8, Z9, Z14
from imagekit.check.stream import BrokenLayer

_UNIX: Final = 3
_KINDS: Final[dict[int, Kind]] = {0: "file", 0o100: "file", 0o040: "folder", 0o120: "symlink"}
_NEWEST: Final = 20
_END: Final = b"PK\5\6"
_END64: Final = b"PK\6\7"
_CHUNK: Final = 1024 * 1024
_EXTENDED_TIME: Final = 0x5455
_ZIP64: Final = 1

UNREADABLE: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, BrokenLayer, ValueError, OSError),
    *(NotImplementedError, RuntimeError),  # zipfile's, of compressions and of encryption
)
"""What reading a ZIP raises that is damaged, or made in ways that Lambda does not take."""


class Oddity(Struct, frozen=True):
    """What a member's header says that a ZIP for Lambda should not."""

    rule: Rule
    what: str
    refused: bool = False
    """No unpacker takes it: an error whoever made the ZIP."""


def oddities(info: zipfile.ZipInfo, before: set[str]) -> Iterator[Oddity]:
    """All that is odd about one member; `before` are the names of those ahead of it."""
    parts = info.orig_filename.rstrip("/").split("/")
    if info.flag_bits & 1:
        yield Oddity(Z14, "is encrypted", refused=True)
    if ".." in parts or "" in parts or "\\" in info.orig_filename:
        yield Oddity(Z14, "has a name that is no plain relative path", refused=True)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield Oddity(Z14, "is neither stored nor deflated")
    if info.orig_filename in before:
        yield Oddity(Z14, "comes twice")
    if _ZIP64 in dict(_extra(info.extra)):
        yield Oddity(Z14, "is ZIP64")
    if info.create_system != _UNIX:
        yield Oddity(Z8, "has no Unix mode")
    if seconds(info) is None:
        yield Oddity(Z9, "has a time that is none")


def entry_of(
    info: zipfile.ZipInfo, seen: Seen = NOTHING_SEEN, *, link: str = "", ours: bool
) -> Entry:
    """The member as rules know files; where no Unix mode is stored, it may be read."""
    unix = info.create_system == _UNIX
    mode = info.external_attr >> 16
    kind: Kind = _KINDS.get(mode >> 9, "other") if unix else "file"
    return Entry(
        path=plain_path(info.filename),
        raw=info.orig_filename,
        kind="folder" if info.is_dir() else kind,
        mode=mode & 0o7777 if unix else 0o755,
        size_bytes=info.file_size,
        mtime=seconds(info) or 0,
        link=link,
        seen=seen,
        ours=ours,
    )


def is_link(info: zipfile.ZipInfo) -> bool:
    """Whether the member's data is where a symbolic link leads."""
    return info.create_system == _UNIX and info.external_attr >> 25 == 0o120


def seconds(info: zipfile.ZipInfo) -> int | None:
    """Since 1970; a ZIP's own times have no zone and are taken as UTC. None for what is no time."""
    for kind, data in _extra(info.extra):
        if kind == _EXTENDED_TIME and len(data) >= 5 and data[0] & 1:
            return int(struct.unpack_from("<i", data, 1)[0])
    _, month, day, hour, minute, second = info.date_time
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        return None
    return calendar.timegm((*info.date_time, 0, 0, 0))


def has_zip64_end(file: BinaryIO) -> bool:
    """Whether a ZIP64 locator stands before the end of the directory (4.3.15)."""
    size_bytes = file.seek(0, 2)
    file.seek(max(0, size_bytes - 22 - 0xFFFF - 20))
    tail = file.read()
    end = tail.rfind(_END)
    return end >= 20 and tail[end - 20 : end].startswith(_END64)


class MemberStream:
    """A member's bytes, forward only."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member

    def read(self, amount: int) -> bytes:
        """`amount` bytes; BrokenLayer where there are fewer."""
        data = self._member.read(amount)
        if len(data) != amount:
            raise BrokenLayer("it ends early")
        return data


def look(opened: zipfile.ZipFile, info: zipfile.ZipInfo, lookout: Lookout, *, whole: bool) -> Seen:
    """What the content tells; with `whole` it is unpacked to its end, where its CRC is compared."""
    with opened.open(info) as member:
        stream = MemberStream(member)
        seen, _ = lookout(info.filename, info.file_size, stream)
        while whole and member.read(_CHUNK):
            pass
    return seen


def _extra(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + length
