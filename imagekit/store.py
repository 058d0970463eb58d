"""The content-addressed cache: blobs by digest, small records by key.

A name in the store means that the bytes are whole: everything is written beside and renamed, so a
build that is killed at any moment leaves nothing half-written, and two builds may share a store.
Losing the race to write the same blob is fine, as the bytes are the same.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild

_LEFTOVER_SECONDS = 24 * 3600
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


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of blobs (`blobs/sha256/…`) and records (`records/KIND/KEY.json`)."""

    root: Path

    def blob_path(self, digest: Digest) -> Path:
        """Where the blob lies, or would lie."""
        return self.root / "blobs" / "sha256" / digest.hex

    def has_blob(self, digest: Digest, size_bytes: int | None = None) -> bool:
        """Whether the blob is here, of that size if one is given."""
        try:
            found = self.blob_path(digest).stat().st_size
        except OSError:
            return False
        return size_bytes is None or found == size_bytes

    def put_blob(self, data: bytes | bytearray | memoryview) -> Digest:
        """Keep `data` under its digest."""
        digest = Digest.of(data)
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
        """Read a record; None where there is none, or where it cannot be read."""
        try:
            found = json.loads(self._record_path(kind, key).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def put_record(self, kind: str, key: str, value: dict[str, object]) -> None:
        """Keep a JSON object under `kind` and `key`, in place of what was there."""
        data = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
        self._put(self._record_path(kind, key), data)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A scratch folder on the store's disk, gone when the block ends."""
        with _disk_errors(self.root), tempfile.TemporaryDirectory(dir=self._parts()) as folder:
            yield Path(folder)

    def _record_path(self, kind: str, key: str) -> Path:
        return self.root / "records" / kind / f"{key}.json"

    def _parts(self) -> Path:
        parts = self.root / "parts"
        parts.mkdir(parents=True, exist_ok=True)
        return parts

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


def _settle(part: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)


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
            hint="free some disk, or move the store with IMAGEKIT_CACHE_DIR",
        ) from error
