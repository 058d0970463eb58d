"""Wheels onto this machine: fetched in parallel, checked against the lock, kept in the store."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from imagekit.contents.address import Address, local_file
from imagekit.model.digest import Digest
from imagekit.model.errors import BuildError, CannotBuild, DigestMismatch
from imagekit.model.package import Package
from imagekit.net.http import Response, Transport, failure
from imagekit.net.redirects import follow
from imagekit.net.retry import with_retries
from imagekit.store import BlobWriter, Store

_RECORD = "local-wheel"
_CHUNK_BYTES = 256 * 1024


def wheel_path(package: Package, store: Store) -> Path | None:
    """Where the checked bytes of a package's wheel lie; None where `fetch` is still to be asked.

    In the store, or for a `file:` URL where it is: copying it would only cost time and disk. Its
    sha256 is remembered with size and modification time, so it is hashed once. A file that changes
    without changing either is noticed by the CRC of what is read.
    """
    if store.has_blob(package.wheel.digest):
        return store.blob_path(package.wheel.digest)
    path = local_file(package.wheel)
    if path is None or _stamp(path) is None:
        return None
    known = store.record(_RECORD, _key(path))
    return path if known == _seen(path, package.wheel.digest) else None


def fetch(
    packages: Iterable[Package],
    store: Store,
    transport: Transport,
    *,
    progress: Callable[[int], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    workers: int = 8,
) -> None:
    """Bring the wheels of `packages` here, so that `wheel_path` names all of them.

    `progress` is called from several threads with the bytes that arrived; less than none where a
    download starts anew. Raises DigestMismatch naming the package, HttpError, CannotBuild.
    """
    todo = {p.wheel.digest: p for p in packages if wheel_path(p, store) is None}
    if not todo:
        return
    from concurrent.futures import ThreadPoolExecutor, as_completed

    one = _Fetch(store, transport, progress, sleep, threading.Event())
    largest_first = sorted(todo.values(), key=lambda package: -(package.wheel.size_bytes or 0))
    pool = ThreadPoolExecutor(min(workers, len(todo)))
    waits = True
    try:
        for future in as_completed([pool.submit(one.get, package) for package in largest_first]):
            future.result()
    except KeyboardInterrupt:
        waits = False  # a server that hangs would hold the user back for a minute
        raise
    finally:
        one.stop.set()
        pool.shutdown(wait=waits, cancel_futures=True)


class _Stopped(BuildError):
    """Another download failed, or the user interrupted: nobody sees this one."""


class _Fetch(Struct, frozen=True):
    store: Store
    transport: Transport
    progress: Callable[[int], None]
    sleep: Callable[[float], None]
    stop: threading.Event

    def get(self, package: Package) -> None:
        path = local_file(package.wheel)
        if path is not None:
            self._check(package, path)
        else:
            with_retries(lambda: self._download(package), sleep=self.sleep)

    def _download(self, package: Package) -> None:
        request = Address.of(package.wheel.url).request()
        with follow(self.transport, request) as response:
            if response.status != 200:
                raise failure(request, response)
            with self.store.writer(package.wheel.digest) as writer:
                try:
                    self._receive(response, writer)
                except BaseException:
                    self.progress(-writer.size_bytes)
                    raise
        _compare(package, writer.digest)

    def _receive(self, response: Response, writer: BlobWriter) -> None:
        for chunk in response.chunks(_CHUNK_BYTES):
            self._go_on()
            writer.write(chunk)
            self.progress(len(chunk))

    def _check(self, package: Package, path: Path) -> None:
        try:
            before = _stamp(path)
            found = self._hash(path)
        except OSError as error:
            raise CannotBuild(
                what=f"the wheel of {package.label} cannot be read at {path}",
                causes=(error.strerror or str(error),),
            ) from error
        _compare(package, found)
        seen = _seen(path, found)
        if seen["stamp"] != before:
            raise CannotBuild(what=f"{path} changed while it was read", hint="build again")
        self.store.put_record(_RECORD, _key(path), seen)

    def _hash(self, path: Path) -> Digest:
        hashed = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                self._go_on()
                hashed.update(chunk)
                self.progress(len(chunk))
        return Digest(hashed.hexdigest())

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise _Stopped


def _compare(package: Package, found: Digest) -> None:
    expected = package.wheel.digest
    if found != expected:
        what = f"the wheel of {package.label}"
        raise DigestMismatch(what=what, expected=str(expected), actual=str(found))


def _key(path: Path) -> str:
    return Digest.of(str(path.absolute()).encode()).hex


def _stamp(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _seen(path: Path, digest: Digest) -> dict[str, object]:
    return {"sha256": digest.hex, "stamp": _stamp(path)}
