"""A tree as a ZIP for Lambda: the same tree gives the same bytes on every machine (decision 2).

Sorted, dated 1980-01-01, modes and symbolic links stored as Unix does (lambda_rules Z8 to Z10).
Folders have no entries of their own: `unzip` and Lambda make them, AWS SAM writes none either. A
member that a wheel holds compressed is taken over as it is; anything else goes through libdeflate.
Format: PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.4.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Container
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, TooLarge
from imagekit.model.tree import Data, Deflated, FileEntry, Tree
from imagekit.oci.beside import file_beside
from imagekit.oci.tar import read_whole, utf8_name

_LEVEL: Final = 6
_STORED: Final = 0
_DEFLATED: Final = 8
_UTF8: Final = 0x800  # general purpose bit 11
_VERSION: Final = 20  # 2.0: folders and deflate
_UNIX: Final = 3
_FILE: Final = 0o100644
_DATE: Final = (1 << 5) | 1  # January 1st of year 0, which is 1980

# Beyond these a ZIP takes the ZIP64 extension, and Lambda's own limit is far below both.
_MAX_ENTRIES: Final = 0xFFFE
_MAX_BYTES: Final = 0xFFFFFFFE

_COMMON = struct.Struct("<HHHHHIIIHH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"


class ZipFacts(Struct, frozen=True, kw_only=True):
    """What was written."""

    digest: Digest
    size_bytes: int
    unzipped_bytes: int
    """What Lambda counts against 262,144,000 (lambda_rules Z1)."""
    files: int

    @property
    def code_sha256(self) -> str:
        """As Lambda's `CodeSha256` says it for a ZIP (lambda_rules L8)."""
        return base64.b64encode(bytes.fromhex(self.digest.hex)).decode()


class _Member(Struct, frozen=True, kw_only=True):
    """One file as it goes into the archive."""

    name: bytes
    mode: int
    method: int
    crc32: int
    data: Data
    size_bytes: int

    def common(self) -> bytes:
        """The fields that the local header and the central directory share."""
        flags = 0 if self.name.isascii() else _UTF8
        return _COMMON.pack(
            _VERSION,
            flags,
            self.method,
            0,
            _DATE,
            self.crc32,
            len(self.data),
            self.size_bytes,
            len(self.name),
            0,
        )


class _Archive:
    """Writes members one after the other, hashing as it goes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._central: list[bytes] = []
        self.size_bytes = 0

    def add(self, member: _Member) -> None:
        common = member.common()
        self._central.append(
            _CENTRAL_MARK
            + struct.pack("<BB", _VERSION, _UNIX)
            + common
            + struct.pack("<HHHII", 0, 0, 0, member.mode << 16, self.size_bytes)
            + member.name
        )
        self._write(_LOCAL_MARK + common + member.name)
        self._write(member.data)

    def finish(self) -> Digest:
        central, start = b"".join(self._central), self.size_bytes
        count = len(self._central)
        self._write(central)
        self._write(_END_MARK + struct.pack("<HHHHIIH", 0, 0, count, count, len(central), start, 0))
        return Digest(self._hash.hexdigest())

    def _write(self, data: Data) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > _MAX_BYTES:
            raise TooLarge(what="the ZIP", limit_bytes=_MAX_BYTES, actual_bytes=self.size_bytes)
        self._hash.update(data)
        self._file.write(data)


def write_zip(tree: Tree, path: Path, *, stored: Container[str] = ()) -> ZipFacts:
    """Write `tree` as the ZIP `path`, in place of one that is there.

    `stored` are paths of what is compressed already.

    Whether Lambda takes it is for the checks to say; TooLarge is raised only where the format ends
    (4 GiB, 65,534 files), CannotBuild where the disk refuses or a file changes under the reader.
    """
    if len(tree.entries) > _MAX_ENTRIES:
        raise CannotBuild(
            what=f"a ZIP holds at most {_MAX_ENTRIES} files, and this has {len(tree.entries)}",
            hint='set `packaging = "image"`',
        )
    with file_beside(path) as beside, beside.open("xb") as file:
        archive = _Archive(file)
        unzipped = 0
        for entry in tree:
            whole = entry.path in stored
            member = _stored(entry, _FILE, read_whole(entry)) if whole else _member(entry)
            archive.add(member)
            unzipped += member.size_bytes
        return ZipFacts(
            digest=archive.finish(),
            size_bytes=archive.size_bytes,
            unzipped_bytes=unzipped,
            files=len(tree.entries),
        )


def unzipped_bytes(entry: FileEntry) -> int:
    """What a file weighs in a ZIP, unzipped: of a link, the text of its target."""
    if entry.link_target is not None:
        return len(utf8_name(entry.link_target))
    return entry.size_bytes


def _member(entry: FileEntry) -> _Member:
    if entry.link_target is not None:
        return _stored(entry, 0o120777, utf8_name(entry.link_target))
    mode = 0o100755 if entry.executable else _FILE
    if deflated := entry.content.deflated():
        return _deflated(entry, mode, deflated)
    data = read_whole(entry)
    import deflate

    packed = bytes(deflate.deflate_compress(data, _LEVEL))
    if len(packed) >= len(data):
        return _stored(entry, mode, data)
    return _deflated(
        entry, mode, Deflated(data=packed, crc32=zlib.crc32(data), size_bytes=len(data))
    )


def _stored(entry: FileEntry, mode: int, data: Data) -> _Member:
    return _Member(
        name=utf8_name(entry.path),
        mode=mode,
        method=_STORED,
        crc32=zlib.crc32(data),
        data=data,
        size_bytes=len(data),
    )


def _deflated(entry: FileEntry, mode: int, stream: Deflated) -> _Member:
    return _Member(
        name=utf8_name(entry.path),
        mode=mode,
        method=_DEFLATED,
        crc32=stream.crc32,
        data=stream.data,
        size_bytes=stream.size_bytes,
    )
