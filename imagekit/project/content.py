"""Files on disk as content that can be read again, and one rule for who may be executed."""

from __future__ import annotations

import os

from msgspec import Struct

from imagekit.model.errors import CannotBuild
from imagekit.model.tree import Bytes, FileEntry

OWNER = "source"

_KEPT_BYTES = 1_048_576
"""Files up to here stay in memory: read once, they cannot change between hashing and packing."""

_RUNNABLE = (b"#!", b"\x7fELF")


class DiskContent(Struct, frozen=True, kw_only=True):
    """A large file, read when it is asked for; it must still be the one that was found."""

    path: str
    size_bytes: int
    modified_ns: int

    def read(self) -> bytes:
        """The bytes; CannotBuild where the file changed since it was found."""
        try:
            with open(self.path, "rb") as file:  # noqa: PTH123 - the walk deals in text
                data = file.read()
                modified = os.fstat(file.fileno()).st_mtime_ns
        except OSError as error:
            raise self._changed(error.strerror or str(error)) from error
        if (len(data), modified) != (self.size_bytes, self.modified_ns):
            raise self._changed("its size or time is another now")
        return data

    def deflated(self) -> None:
        """Nothing compressed lies ready."""
        return

    def _changed(self, why: str) -> CannotBuild:
        what = f"{self.path} changed while it was being packaged"
        return CannotBuild(what=what, causes=(why,), hint="run the same command again")


def file_entry(disk: str, arrives: str) -> FileEntry:
    """Read the file at `disk`, in full where it is small; OSError passes through.

    What may be executed is decided by how the file begins, never by its mode: a mode is lost by
    archives, by Windows and by some mounts, and the same commit must give the same bytes. A script
    has a `#!` line, a program or library is ELF.
    """
    with open(disk, "rb", buffering=0) as file:  # noqa: PTH123 - hot
        found = os.fstat(file.fileno())
        small = found.st_size <= _KEPT_BYTES
        data = file.readall() if small else file.read(4)
    return FileEntry(
        path=arrives,
        size_bytes=len(data) if small else found.st_size,
        owner=OWNER,
        content=Bytes(data) if small else _on_disk(disk, found),
        executable=data.startswith(_RUNNABLE),
    )


def link_entry(arrives: str, target: str) -> FileEntry:
    """A symbolic link to `target`, relative to the folder it lies in."""
    return FileEntry(
        path=arrives, size_bytes=0, owner=OWNER, content=Bytes(b""), link_target=target
    )


def _on_disk(disk: str, found: os.stat_result) -> DiskContent:
    return DiskContent(path=disk, size_bytes=found.st_size, modified_ns=found.st_mtime_ns)
