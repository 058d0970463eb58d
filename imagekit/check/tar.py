"""A tar, header by header, as it is spelt: `tarfile` hides what Lambda's unpacker trips over.

It strips slashes, folds PAX records into fields and reads on after damage. POSIX `pax`, "ustar
Interchange Format" and "pax Header Block"; GNU's long names, sparse files and base-256 numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from imagekit.check.entries import NOTHING_SEEN, Entry, Kind, Seen, plain_path
from imagekit.check.stream import BrokenLayer, TarStream

Look = Callable[[str, int, TarStream], tuple[Seen, int]]
"""Reads what it wants of a file (path, size, stream): what it saw, and how many bytes it read."""

_BLOCK: Final = 512
_EMPTY: Final = bytes(_BLOCK)
_MAX_RECORDS: Final = 16 * 1024 * 1024
_KINDS: Final[dict[bytes, Kind]] = {
    **dict.fromkeys((b"0", b"\0", b"7"), "file"),
    b"1": "hardlink",
    b"2": "symlink",
    b"5": "folder",
}
_NO_DATA: Final = b"123456"
_XATTRS: Final = ("SCHILY.xattr.", "LIBARCHIVE.xattr.", "SCHILY.acl.")
_TIMES: Final = ("mtime", "atime", "ctime")
_SPARSE: Final = "GNU.sparse."
_KEYS: Final = {b"L": "path", b"K": "linkpath"}

Records = dict[str, str]


def read_entries(stream: TarStream, look: Look, *, place: str, ours: bool) -> Iterator[Entry]:
    """Every member in the archive's order; BrokenLayer where it is not whole."""
    for_all: Records = {}
    for_next: Records = {}
    while not stream.ended():
        block = stream.read(_BLOCK)
        if block == _EMPTY:
            return
        header = _Header.parse(block)
        if header.kind in b"xgLK":
            more = _records(header, _data(stream, header.size_bytes))
            (for_all if header.kind == b"g" else for_next).update(more)
            continue
        if header.kind == b"S":
            _skip_sparse_map(stream, block)
        yield _entry(header, for_all | for_next, stream, look, (place, ours))
        for_next = {}


class _Header(Struct, frozen=True, kw_only=True):
    name: str
    mode: int
    size_bytes: int
    mtime: int
    kind: bytes
    link: str

    @classmethod
    def parse(cls, block: bytes) -> _Header:
        # The checksum counts its own field as eight spaces; 8 * 32 is 256.
        if sum(block) - sum(block[148:156]) + 256 != _number(block[148:156]):
            raise BrokenLayer("its tar has a header with a wrong checksum")
        name = _text(block[:100])
        # GNU's old format keeps times where POSIX has a prefix.
        if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
            name = f"{prefix}/{name}"
        return cls(
            name=name,
            mode=_number(block[100:108]) & 0o7777,
            size_bytes=_number(block[124:136]),
            mtime=_number(block[136:148]),
            kind=block[156:157],
            link=_text(block[157:257]),
        )


def _entry(
    header: _Header, more: Records, stream: TarStream, look: Look, origin: tuple[str, bool]
) -> Entry:
    raw = more.get("path", header.name)
    kind = _KINDS.get(header.kind, "other")
    if kind == "file" and raw.endswith("/"):
        kind = "folder"  # how archives from before POSIX spell folders
    size = 0 if header.kind in _NO_DATA else _record_number(more, "size", header.size_bytes)
    path, seen, read = plain_path(raw), NOTHING_SEEN, 0
    if kind == "file" and size:
        seen, read = look(path, size, stream)
    stream.skip(size + -size % _BLOCK - read)
    if any(key.startswith(_SPARSE) for key in more):
        kind = "other"
    return Entry(
        path=path,
        raw=raw,
        kind=kind,
        mode=header.mode,
        size_bytes=size,
        mtime=_record_number(more, "mtime", header.mtime),
        link=more.get("linkpath", header.link),
        oddities=_oddities(more),
        seen=seen,
        place=origin[0],
        ours=origin[1],
    )


def _oddities(more: Records) -> tuple[str, ...]:
    if not more:
        return ()
    found = [f"xattr {key.removeprefix('SCHILY.')}" for key in more if key.startswith(_XATTRS)]
    if any("." in more.get(key, "") for key in _TIMES):
        found.append("fraction")
    return tuple(found)


def _records(header: _Header, data: bytes) -> Records:
    if key := _KEYS.get(header.kind):
        return {key: _text(data)}
    return dict(_pax(data))


def _pax(data: bytes) -> Iterator[tuple[str, str]]:
    """`LENGTH KEY=VALUE` and a line end, where the length counts all of it."""
    at = 0
    while at < len(data):
        digits, space, _ = data[at : at + 20].partition(b" ")
        if not (space and digits.isdigit() and int(digits) > len(digits) + 1):
            raise BrokenLayer("its tar has a PAX header that cannot be read")
        key, _, value = data[at + len(digits) + 1 : at + int(digits) - 1].partition(b"=")
        yield key.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape")
        at += int(digits)


def _data(stream: TarStream, size_bytes: int) -> bytes:
    if size_bytes > _MAX_RECORDS:
        raise BrokenLayer("its tar has a PAX header of more than 16 MiB")
    return stream.read(size_bytes + -size_bytes % _BLOCK)[:size_bytes]


def _skip_sparse_map(stream: TarStream, block: bytes) -> None:
    continued = block[482]
    while continued:
        continued = stream.read(_BLOCK)[504]


def _record_number(more: Records, key: str, otherwise: int) -> int:
    try:
        return int(float(more[key])) if key in more else otherwise
    except (ValueError, OverflowError) as error:
        raise BrokenLayer(f"its tar has a PAX record {key!r} that is no number") from error


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    if field[0] in (0x80, 0xFF):  # GNU's base-256, for what octal digits cannot hold
        return int.from_bytes(field[1:], "big") - (
            256 ** (len(field) - 1) if field[0] == 0xFF else 0
        )
    digits = field.partition(b"\0")[0].strip()
    try:
        return int(digits or b"0", 8)
    except ValueError as error:
        raise BrokenLayer(f"its tar has a number {digits!r} that is none") from error
