"""A ZIP that unpacks at start: whether its loader is there, runs first, and will find it whole."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from msgspec import Struct

from imagekit.check.findings import Findings
from imagekit.check.handler import module_path
from imagekit.check.members import UNREADABLE
from imagekit.check.opened import OpenZip
from imagekit.check.rules import U1
from imagekit.model.packaging import ARCHIVE, DESCRIPTION, LOADER

_CALL: Final = b"imagekit_loader"
_CHUNK: Final = 1024 * 1024


class Described(Struct, frozen=True, kw_only=True):
    """What a ZIP's loader reads about the archive that it unpacks."""

    digest: str
    size_bytes: int
    parts: tuple[tuple[int, int, str], ...]
    """Offset, length and SHA-256."""
    where: str | None
    """In S3; None: in the ZIP."""
    unpacked_bytes: int = 0
    """0 where it does not say."""


def has_loader(opened: zipfile.ZipFile) -> bool:
    """Whether the ZIP is one that unpacks at start."""
    return any(name.startswith(f"{LOADER}/") for name in opened.namelist())


def described(opened: zipfile.ZipFile) -> Described | None:
    """The description, None where it cannot be read."""
    try:
        match json.loads(opened.read(DESCRIPTION)):
            case {"digest": str(digest), "size_bytes": int(size), "parts": list(parts), **more}:
                where = f"s3://{more['bucket']}/{more['key']}" if "bucket" in more else None
                unpacked = more.get("unpacked_bytes")
                return Described(
                    digest=digest,
                    size_bytes=size,
                    parts=tuple((int(at), int(length), str(sha)) for at, length, sha in parts),
                    where=where,
                    unpacked_bytes=unpacked if isinstance(unpacked, int) else 0,
                )
    except (KeyError, TypeError, *UNREADABLE):
        return None
    return None


@contextmanager
def rest_of(archive: OpenZip, opened: zipfile.ZipFile, found: Described) -> Iterator[BinaryIO]:
    """The archive that is unpacked at start: in the ZIP, or beside it where it goes into a bucket.

    FileNotFoundError where it is nowhere to be read.
    """
    if found.where is None:
        try:
            with opened.open(ARCHIVE) as member:
                yield cast("BinaryIO", member)
        except KeyError:
            raise FileNotFoundError(ARCHIVE) from None
    elif isinstance(archive.rest, Path):
        with archive.rest.open("rb") as file:
            yield file
    elif archive.rest is not None:
        yield archive.rest
    else:
        raise FileNotFoundError(found.where)


def check_loader(opened: zipfile.ZipFile, found: Described | None, handler: str | None) -> Findings:
    """U1, of the ZIP itself."""
    names = frozenset(opened.namelist())
    if found is None:
        yield U1.found(DESCRIPTION, "is not there, or is not what imagekit writes")
        return
    needed = ("start.py", *(("s3.py",) if found.where else ()))
    for name in needed:
        if f"{LOADER}/{name}" not in names:
            yield U1.found(f"{LOADER}/{name}", "is not there, and unpacks what the handler imports")
    if found.where is None and ARCHIVE not in names:
        yield U1.found(ARCHIVE, "is not there, and holds what the handler imports")
    if handler is not None and not any(_is_door(opened, path) for path in _first(handler, names)):
        yield U1.found("the handler", f"{handler} is imported before anything is unpacked")


def check_parts(file: BinaryIO, found: Described, place: str) -> Findings:
    """U1, of what is unpacked: each part as the loader will compare it."""
    for number, (offset, length, sha256) in enumerate(found.parts):
        file.seek(offset)
        if _sha256(file.read, length) != sha256:
            yield U1.found(place, f"is not what was built: part {number} has another SHA-256")


def _sha256(read: Callable[[int], bytes], length: int) -> str:
    digest = hashlib.sha256()
    while length > 0 and (data := read(min(length, _CHUNK))):
        digest.update(data)
        length -= len(data)
    return digest.hexdigest()


def _first(handler: str, names: frozenset[str]) -> Iterator[str]:
    """The files that may run first on the way to the handler's module."""
    folder = ""
    for name in module_path(handler).split("/"):
        yield from (
            path for path in (f"{folder}{name}/__init__.py", f"{folder}{name}.py") if path in names
        )
        folder = f"{folder}{name}/"


def _is_door(opened: zipfile.ZipFile, path: str) -> bool:
    """Whether the file calls the loader, and no bytecode of another source runs in its place."""
    folder, _, name = path.removesuffix(".py").rpartition("/")
    cached = f"{folder}/__pycache__/{name}.cpython-".lstrip("/")
    hidden = any(one.startswith(cached) and one.endswith(".pyc") for one in opened.namelist())
    return not hidden and _CALL in opened.read(path)
