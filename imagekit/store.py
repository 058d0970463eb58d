"""The content-addressed cache: blobs by digest, small records by key.

A name in the store means that the bytes are whole: everything is written beside and renamed, so a
build that is killed at any moment leaves nothing half-written, and two builds may share a store.
Losing the race to write the same blob is fine, as the bytes are the same.

A file's modification time is when it was last used, as in Go's build cache: asking for it moves the
time, and what was not asked for longest goes first when the store is pruned.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, UsageError

_LEFTOVER_SECONDS = 24 * 3600
_HOLD_SECONDS = 6 * 3600
"""A command that is older than this was killed and could not take its mark away."""
_TOUCH_SECONDS = 60
"""A use that was noted so lately is not noted again: most builds then write nothing."""
_ROOM = "free some disk, or move the store with IMAGEKIT_CACHE_DIR"
_OWNER = "give yourself the right to write there, or move the store with IMAGEKIT_CACHE_DIR"
_HINTS = {errno.EROFS: _OWNER, errno.EACCES: _OWNER, errno.EPERM: _OWNER}
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class BlobWriter:
    """A blob under way: write, then `commit`. Hashes as it writes, so no byte is read twice."""

    def __init__(self, part: BinaryIO) -> None:
        self._part = part
        self._hash = hashlib.sha256()
        self.size_bytes = 0

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Append `chunk`."""
        self._hash.update(chunk)
        self._part.write(chunk)
        self.size_bytes += len(chunk)

    @property
    def digest(self) -> Digest:
        """Of what was written so far."""
        return Digest(self._hash.hexdigest())


class StoredFile(Struct, frozen=True, kw_only=True):
    """A blob or a record, as `Store.files` found it."""

    path: Path
    kind: str
    """`blobs`, or the kind of the record."""
    key: str
    """A blob's digest in hex, or the record's key."""
    size_bytes: int
    used: float
    """When it was last asked for, in seconds since 1970; up to a minute older than it was."""


class Store(Struct, frozen=True):
    """A folder of blobs (`blobs/sha256/…`) and records (`records/KIND/KEY.json`)."""

    root: Path

    def blob_path(self, digest: Digest) -> Path:
        """Where the blob lies, or would lie."""
        return self.root / "blobs" / "sha256" / digest.hex

    def has_blob(self, digest: Digest, size_bytes: int | None = None) -> bool:
        """Whether the blob is here, of that size if one is given. Counts as a use of it."""
        path = self.blob_path(digest)
        try:
            found = path.stat()
        except OSError:
            return False
        if size_bytes is not None and found.st_size != size_bytes:
            return False
        _touch(path, found)
        return True

    def put_blob(self, data: bytes | bytearray | memoryview, known: Digest | None = None) -> Digest:
        """Keep `data` under its digest, which is not computed again where the caller did."""
        digest = known or Digest.of(data)
        if not self.has_blob(digest, len(data)):
            self._put(self.blob_path(digest), data)
        return digest

    def adopt(self, file: Path, digest: Digest) -> None:
        """Take over a file of `folder()`, whose digest the caller knows, as a blob."""
        with _disk_errors(self.root):
            _settle(file, self.blob_path(digest))

    @contextmanager
    def writer(self, expected: Digest | None = None) -> Iterator[BlobWriter]:
        """Write a blob piece by piece; it gets its name when the block ends without an error.

        With `expected`, bytes of any other digest are thrown away; the caller compares
        `writer.digest` itself, as only it knows what to call the thing.
        """
        with self._part() as part:
            with part.open("wb") as file:
                writer = BlobWriter(file)
                yield writer
            if expected is None or writer.digest == expected:
                _settle(part, self.blob_path(writer.digest))

    def record(self, kind: str, key: str) -> dict[str, object] | None:
        """Read a record, which is a use of it; None where there is none, or none to be read."""
        path = self._record_path(kind, key)
        try:
            with path.open("rb") as file:
                found = _parsed(file.read())
                _touch(path, os.fstat(file.fileno()))
        except OSError:
            return None
        return found

    def put_record(self, kind: str, key: str, value: dict[str, object]) -> None:
        """Keep a JSON object under `kind` and `key`, in place of what was there."""
        data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        self._put(self._record_path(kind, key), data)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A scratch folder on the store's disk, gone when the block ends."""
        with _disk_errors(self.root), self._scratch() as folder:
            yield Path(folder)

    def check_writable(self) -> None:
        """CannotBuild where nothing can be written or removed here."""
        with self._part(), _disk_errors(self.root):
            self._folder("running")

    @contextmanager
    def held(self) -> Iterator[None]:
        """While the block runs, nothing that it uses is pruned, by whatever process.

        What it misses all the same (somebody emptied the folder by hand) is a CannotBuild.
        """
        with _disk_errors(self.root):
            handle, name = tempfile.mkstemp(dir=self._folder("running"))
            os.close(handle)
        try:
            yield
        except FileNotFoundError as error:
            if error.filename is None or not Path(error.filename).is_relative_to(self.root):
                raise
            raise CannotBuild(
                what=f"{error.filename} went away while it was needed",
                causes=("something else than imagekit tidies the store up",),
                hint="build again",
            ) from error
        finally:
            with suppress(OSError):
                Path(name).unlink()

    def held_since(self, now: float) -> float | None:
        """When the oldest command that runs now began, in seconds since 1970; None without one."""
        began = []
        for mark in self._folder("running").iterdir():
            with suppress(OSError):
                since = mark.stat().st_mtime
                if since >= now - _HOLD_SECONDS:
                    began.append(since - _TOUCH_SECONDS)
                else:
                    mark.unlink()
        return min(began, default=None)

    def files(self) -> Iterator[StoredFile]:
        """Every blob and every record, in no order; looking is no use."""
        yield from _files(self.root / "blobs" / "sha256", "blobs")
        for kind in _listed(self.root / "records"):
            yield from _files(Path(kind), kind.name)

    def peek(self, record: StoredFile) -> dict[str, object] | None:
        """What a listed record says, without using it; None where it cannot be read."""
        try:
            return _parsed(record.path.read_bytes())
        except OSError:
            return None

    def remove(self, file: StoredFile) -> bool:
        """Whether the file is gone: one that was used since it was listed, or is open, stays."""
        aside = self._parts() / f"{file.key[:16]}.{secrets.token_hex(4)}"
        try:
            # Taken aside and looked at again: a build that asks meanwhile makes it anew, and one
            # that asked just before has moved the time.
            file.path.replace(aside)
            if aside.stat().st_mtime > file.used and not file.path.exists():
                aside.replace(file.path)
                return False
            aside.unlink()
        except OSError:
            return False
        return True

    def _record_path(self, kind: str, key: str) -> Path:
        return self.root / "records" / kind / f"{key}.json"

    def _folder(self, name: str) -> Path:
        folder = self.root / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
            raise UsageError(
                what=f"the store at {self.root} cannot be made: {error.strerror or error}",
                hint="set IMAGEKIT_CACHE_DIR to a folder, or not at all",
            ) from error
        return folder

    def _parts(self) -> Path:
        return self._folder("parts")

    def _scratch(self) -> tempfile.TemporaryDirectory[str]:
        # On Windows a file that a program still has open cannot be removed; `sweep` does it later.
        return tempfile.TemporaryDirectory(dir=self._parts(), ignore_cleanup_errors=True)

    @contextmanager
    def _part(self) -> Iterator[Path]:
        with _disk_errors(self.root):
            handle, name = tempfile.mkstemp(dir=self._parts())
            os.close(handle)
            try:
                yield Path(name)
            finally:
                Path(name).unlink(missing_ok=True)

    def _put(self, target: Path, data: bytes | bytearray | memoryview) -> None:
        with self._part() as part:
            part.write_bytes(data)
            _settle(part, target)

    def sweep(self, now: float | None = None) -> None:
        """Remove what builds that were killed left behind, once it is a day old."""
        oldest = (time.time() if now is None else now) - _LEFTOVER_SECONDS
        for part in self._parts().iterdir():
            with suppress(OSError):
                if part.stat().st_mtime >= oldest:
                    continue
                if part.is_dir():
                    shutil.rmtree(part)
                else:
                    part.unlink()


def _parsed(data: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _settle(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        part.replace(target)
    except PermissionError:
        # Windows does not replace a file that another process has open: it is there already, and
        # whole. A record that could not be renewed costs its next reader some work, no more.
        if not target.is_file():
            raise


def _touch(path: Path, found: os.stat_result) -> None:
    """Note a use; a store that may only be read is as good as any."""
    if found.st_mtime < time.time() - _TOUCH_SECONDS:
        with suppress(OSError):
            os.utime(path)


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _files(folder: Path, kind: str) -> Iterator[StoredFile]:
    for entry in _listed(folder):
        with suppress(OSError):  # another process removed it
            # Not the entry's own stat, which Windows fills from a listing that may lag behind.
            found = Path(entry).stat()
            yield StoredFile(
                path=Path(entry),
                kind=kind,
                key=entry.name.removesuffix(".json"),
                size_bytes=found.st_size,
                used=found.st_mtime,
            )


@contextmanager
def _disk_errors(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise CannotBuild(
            what=f"the store at {root} cannot be written",
            causes=(error.strerror or str(error),),
            hint=_HINTS.get(error.errno, _ROOM),
        ) from error
