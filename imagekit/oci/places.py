"""Where the files of a layout or an archive lie: a folder, or one tar that is never unpacked."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from msgspec import Struct

from imagekit.model.errors import CannotBuild


class Place(Struct, frozen=True, kw_only=True):
    """Bytes within a file."""

    path: Path
    offset: int
    size_bytes: int

    def open(self) -> BinaryIO:
        """Read these bytes and no others; close it."""
        file = self.path.open("rb")
        if self.offset == 0 and self.path.stat().st_size == self.size_bytes:
            return file
        return cast("BinaryIO", io.BufferedReader(_Section(file, self.offset, self.size_bytes)))

    def read(self) -> bytes:
        """All of it."""
        with self.open() as file:
            return file.read()


class Places(Protocol):
    """Finds files by their relative POSIX name."""

    name: str

    def find(self, name: str) -> Place | None:
        """Where the file lies; None where there is none."""
        ...


class Folder:
    """The files of a folder."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root

    def find(self, name: str) -> Place | None:
        """Where the file lies; None where there is none, or where the name climbs out."""
        parts = name.split("/")
        if ".." in parts or not all(parts):
            return None
        path = self._root.joinpath(*parts)
        if not path.is_file():
            return None
        return Place(path=path, offset=0, size_bytes=path.stat().st_size)


class Archive:
    """The members of an uncompressed tar. Only its headers are read."""

    def __init__(self, path: Path) -> None:
        """Raises CannotBuild for what is not a whole, uncompressed tar."""
        import tarfile

        self.name = str(path)
        self._path = path
        try:
            with tarfile.open(path, "r:") as tar:
                self._members = {member.name.removeprefix("./"): member for member in tar}
        except (tarfile.TarError, OSError) as error:
            raise CannotBuild(
                what=f"{path} is not a tar that can be read",
                causes=(str(error),),
                hint="give an OCI layout, the archive of one, or what `docker save` writes",
            ) from error

    def find(self, name: str) -> Place | None:
        """Where the member lies. `docker save` writes a layer that it has twice as a link."""
        member = self._members.get(name)
        if member is not None and member.issym():
            member = self._members.get(_beyond(name, member.linkname))
        if member is None or not member.isreg():
            return None
        return Place(path=self._path, offset=member.offset_data, size_bytes=member.size)


def open_places(path: Path) -> Places:
    """A folder or an archive; CannotBuild where `path` is neither."""
    return Folder(path) if path.is_dir() else Archive(path)


def _beyond(name: str, target: str) -> str:
    """`a/layer.tar` linked to `../b/layer.tar` gives `b/layer.tar`."""
    parts = name.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


class _Section(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, file: BinaryIO, offset: int, size_bytes: int) -> None:
        self._file = file
        self._left = size_bytes
        file.seek(offset)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # typeshed's Buffer has no slices
        data = self._file.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
