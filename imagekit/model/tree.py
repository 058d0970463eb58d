"""A tree of files, in memory: what a layer or a ZIP will hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from msgspec import Struct

from imagekit.model.errors import Collision, PathCollisions


class Deflated(Struct, frozen=True, kw_only=True):
    """A raw DEFLATE stream (RFC 1951) with the crc32 and size of what it unpacks to."""

    data: bytes
    crc32: int
    size_bytes: int


Data = bytes | bytearray
"""What reading gives: libdeflate inflates into a bytearray, and copying 300 MB takes a while."""


class Content(Protocol):
    """Bytes that can be read again and again; nothing is read before it is asked for."""

    def read(self) -> Data:
        """All of it; the caller must not change it."""
        ...

    def deflated(self) -> Deflated | None:
        """The stream as the wheel already holds it, if it does: a ZIP then need not compress."""
        ...


class Bytes(Struct, frozen=True):
    """Content that is already in memory."""

    data: bytes

    def read(self) -> bytes:
        """The bytes."""
        return self.data

    def deflated(self) -> None:
        """Nothing compressed lies ready."""
        return


class FileEntry(Struct, frozen=True, kw_only=True):
    """A regular file, or a symbolic link where `link_target` says so."""

    path: str
    """Relative POSIX path under the tree's root; no `.`, no `..`, no leading slash."""
    size_bytes: int
    owner: str
    """Who brought it: `numpy 2.5.5`, or `source`."""
    content: Content
    executable: bool = False
    link_target: str | None = None

    def same_as(self, other: FileEntry) -> bool:
        """Whether both would leave the same file behind."""
        alike = (self.size_bytes, self.executable, self.link_target)
        return alike == (other.size_bytes, other.executable, other.link_target) and (
            self.content.read() == other.content.read()
        )


class Tree(Struct, frozen=True):
    """Files sorted by path, each path once, no file where another needs a folder."""

    entries: tuple[FileEntry, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[FileEntry]) -> Tree:
        """Sort and settle: equal bytes at one path are one file, anything else raises.

        Raises PathCollisions with every path that two owners fill differently.
        """
        kept: dict[str, FileEntry] = {}
        collisions: list[Collision] = []
        for entry in sorted(entries, key=lambda entry: entry.path):
            other = kept.setdefault(entry.path, entry)
            if other is not entry and not other.same_as(entry):
                collisions.append(Collision(entry.path, (other.owner, entry.owner)))
        collisions.extend(_files_as_folders(kept))
        if collisions:
            raise PathCollisions(collisions=tuple(collisions))
        return cls(tuple(kept.values()))

    @property
    def size_bytes(self) -> int:
        """Sum of the files' sizes."""
        return sum(entry.size_bytes for entry in self.entries)

    def folders(self) -> tuple[str, ...]:
        """Every folder that the entries need, sorted, without the root."""
        found: set[str] = set()
        for entry in self.entries:
            found.update(ancestors(entry.path))
        return tuple(sorted(found))

    def __iter__(self) -> Iterator[FileEntry]:
        return iter(self.entries)


def ancestors(path: str) -> Iterator[str]:
    """`a/b/c` gives `a/b`, then `a`."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _files_as_folders(kept: dict[str, FileEntry]) -> Iterator[Collision]:
    for entry in kept.values():
        for folder in ancestors(entry.path):
            if other := kept.get(folder):
                yield Collision(folder, (other.owner, entry.owner))
