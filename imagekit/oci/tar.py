"""A tree as tar bytes: the same tree gives the same bytes on every machine (decision 2).

What the bytes look like follows what Lambda's unpacker takes (lambda_rules, section 2): sorted,
every ancestor folder written out before what it holds, owner 0:0, modes 0755 and 0644, whole
seconds, no hard links. Headers are POSIX ustar, and PAX records stand only before a name that
ustar cannot hold. They are made here and not by `tarfile`, so that another Python writes no other
bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from imagekit.model.errors import CannotBuild
from imagekit.model.tree import Data, FileEntry, Tree, ancestors

BLOCK: Final = 512
MTIME: Final = 315_532_800
"""1980-01-01T00:00:00Z: the earliest time that a ZIP can hold, so both artefacts say the same."""

END: Final = bytes(2 * BLOCK)
"""Two empty blocks close an archive (POSIX `pax`, "ustar Interchange Format")."""

_NAME_BYTES: Final = 100
_PREFIX_BYTES: Final = 155
_MAX_OCTAL: Final = 0o77777777777
_FILE, _LINK, _FOLDER, _PAX = b"0", b"2", b"5", b"x"

# name, mode, uid, gid, size, mtime, checksum, typeflag, linkname, magic and version, uname, gname,
# devmajor, devminor, prefix: POSIX `pax`, "ustar Header Block".
_HEADER = struct.Struct("100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12x")


def tar_bytes(tree: Tree, root: str) -> bytearray:
    """The whole archive, with `tree` under the absolute POSIX folder `root`.

    Contents are read one at a time, so at most the archive and its largest file are in memory.
    Raises CannotBuild where a file has another size than its entry says, or a name that is not
    Unicode.
    """
    return written(members(tree, root))


def written(
    found: Iterable[tuple[str, FileEntry | None]], sticky: frozenset[str] = frozenset()
) -> bytearray:
    """The archive of these members, folders being None, in this order.

    Folders in `sticky` are writable for everyone, as `/tmp` is. Raises as `tar_bytes`.
    """
    tar = bytearray()
    for path, entry in found:
        if entry is None:
            tar += folder_header(path, mode=0o1777 if path in sticky else 0o755)
        elif entry.link_target is not None:
            tar += link_header(path, entry.link_target)
        else:
            _append_file(tar, path, entry)
    tar += END
    return tar


def _append_file(tar: bytearray, path: str, entry: FileEntry) -> None:
    """Its own function so that these bytes are gone before the next file is read."""
    data = read_whole(entry)
    tar += file_header(path, len(data), executable=entry.executable)
    tar += data
    tar += bytes(-len(data) % BLOCK)


def members(tree: Tree, root: str) -> Iterator[tuple[str, FileEntry | None]]:
    """Every path of the archive in order, relative, with its entry; folders have none.

    Sorting by path puts a folder before all that is in it (lambda_rules T1, T2): a name is
    greater than any of its beginnings.
    """
    top = root.strip("/")
    prefix = f"{top}/" if top else ""
    found: dict[str, FileEntry | None] = dict.fromkeys(ancestors(prefix))
    found.update((prefix + folder, None) for folder in tree.folders())
    found.update((prefix + entry.path, entry) for entry in tree)
    for path in sorted(found):
        yield path, found[path]


def read_whole(entry: FileEntry) -> Data:
    """The entry's bytes; CannotBuild where they are not as many as it says."""
    data = entry.content.read()
    if len(data) != entry.size_bytes:
        raise CannotBuild(
            what=f"{entry.path} of {entry.owner} changed while it was read",
            causes=(f"it had {entry.size_bytes} bytes, and now has {len(data)}",),
            hint="build again",
        )
    return data


def file_header(path: str, size_bytes: int, *, executable: bool = False) -> bytes:
    """What stands before the bytes of a regular file."""
    return _member(path, _FILE, size_bytes=size_bytes, mode=0o755 if executable else 0o644)


def folder_header(path: str, *, mode: int = 0o755) -> bytes:
    """A folder; its name ends with a slash, as in every layer that Docker makes."""
    return _member(f"{path}/", _FOLDER, mode=mode)


def link_header(path: str, target: str) -> bytes:
    """A symbolic link."""
    return _member(path, _LINK, mode=0o777, target=target)


def _member(path: str, kind: bytes, *, mode: int, size_bytes: int = 0, target: str = "") -> bytes:
    """The header, after a PAX header with the values that do not fit into it."""
    name, link = utf8_name(path), utf8_name(target)
    beyond: dict[str, bytes] = {}
    prefix, short = _split(name)
    if not short:
        beyond["path"] = name
        short = _ascii(path)
    if len(link) > _NAME_BYTES or not link.isascii():
        beyond["linkpath"] = link
        link = _ascii(target)
    if size_bytes > _MAX_OCTAL:
        beyond["size"] = str(size_bytes).encode()
        size_bytes = 0
    block = _block(short, kind, size_bytes=size_bytes, mode=mode, link=link, prefix=prefix)
    return _pax(beyond) + block if beyond else block


def _block(
    name: bytes,
    kind: bytes,
    *,
    size_bytes: int,
    mode: int,
    link: bytes = b"",
    prefix: bytes = b"",
) -> bytes:
    """The one function that sets every field."""
    block = _HEADER.pack(
        name,
        b"%07o" % mode,
        b"0000000",
        b"0000000",
        b"%011o" % size_bytes,
        b"%011o" % MTIME,
        b"        ",
        kind,
        link,
        b"ustar\x0000",
        b"",
        b"",
        b"0000000",
        b"0000000",
        prefix,
    )
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _pax(records: dict[str, bytes]) -> bytes:
    """An extended header for the member that follows it (POSIX `pax`, "pax Extended Header")."""
    body = b"".join(_record(key.encode(), value) for key, value in sorted(records.items()))
    header = _block(b"PaxHeaders.0", _PAX, size_bytes=len(body), mode=0o644)
    return header + body + bytes(-len(body) % BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    """`LENGTH KEY=VALUE`, where the length counts its own digits too."""
    rest = b" %s=%s\n" % (key, value)
    length = len(rest) + 1
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)


def _split(name: bytes) -> tuple[bytes, bytes]:
    """The name as ustar's prefix and name; both empty where it takes PAX."""
    if not name.isascii():
        return b"", b""
    if len(name) <= _NAME_BYTES:
        return b"", name
    # A folder's own slash at the end is no place to split at.
    cut = name.rfind(b"/", 0, min(_PREFIX_BYTES + 1, len(name) - 1))
    rest = name[cut + 1 :]
    return (name[:cut], rest) if cut > 0 and len(rest) <= _NAME_BYTES else (b"", b"")


def _ascii(text: str) -> bytes:
    """What a reader sees that knows no PAX; Go's archive/tar writes such a name, too."""
    return text.encode("ascii", "replace")[:_NAME_BYTES]


def utf8_name(text: str) -> bytes:
    """The bytes of a path or link target; CannotBuild where it is not Unicode."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CannotBuild(
            what=f"the file name {text!r} is not Unicode", hint="rename or `exclude` the file"
        ) from error
