"""Runs before the handler's module: unpacks the packages once, and puts them on `sys.path`.

Part by part, so that parts are read and inflated side by side, and each is compared with its
digest before a byte of it is looked at. The folder gets its name when all of it is there, so a
folder with the name is whole; what a killed process left is gone on with. One further folder on
`sys.path` is enough for namespace packages, too (https://peps.python.org/pep-0420/).
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.machinery import SourceFileLoader
from types import CodeType
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = "/tmp/imagekit"
DESCRIPTION = "bundle.json"
ARCHIVE = "packages.zip"
BEHIND = ".imagekit"
"""`app.py` is the door and `app.imagekit.py` the module behind it."""

_DONE = ".imagekit-parts"
"""In a folder that is not whole yet: the numbers of the parts that are there."""

_HEADER = struct.Struct("<4s5H3I2H")
"""Of a member: PKWARE's APPNOTE.TXT 6.3, 4.3.7."""
_MARK, _STORED = b"PK\3\4", 0
_PIECE = 1024 * 1024
_MOST_AT_ONCE = 8
_MEGABYTES_EACH = 64
"""Of the function's memory: a part is held while it is unpacked."""

Read = Callable[[int, int], Any]
"""Gives the bytes of the archive from an offset on, so many: `bytes` or another buffer."""


class BundleError(Exception):
    """The packages cannot be unpacked; Lambda reports it as the reason why init failed."""


def enter(name: str, file: str) -> CodeType:
    """What a door runs: unpack, extend `sys.path`, then the code of the module behind the door."""
    extend_path(unpacked(HERE))
    stem, suffix = os.path.splitext(file)
    code = SourceFileLoader(name, f"{stem}{BEHIND}{suffix}").get_code(name)
    if code is None:
        raise BundleError(f"there is no {stem}{BEHIND}{suffix}")
    return code


def extend_path(place: str, task: str = os.path.dirname(HERE)) -> None:
    """Put `place` right behind the function's own folder: before what the runtime brings."""
    if place not in sys.path:
        known = [os.path.realpath(folder) for folder in sys.path]
        own = os.path.realpath(task)
        sys.path.insert(known.index(own) + 1 if own in known else 0, place)


def unpacked(folder: str, root: str = ROOT) -> str:
    """The folder with the packages that `folder` describes, unpacked unless it is there already.

    Whoever comes while another unpacks waits for it. BundleError where it cannot be done.
    """
    with open(os.path.join(folder, DESCRIPTION), encoding="utf-8") as file:
        bundle = json.load(file)
    place = os.path.join(root, bundle["digest"][:16])
    if os.path.isdir(place):
        return place
    os.makedirs(root, exist_ok=True)
    # The kernel frees the lock of a process that was killed.
    with open(f"{place}.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(place):
            _unpack(bundle, folder, place)
    return place


def _unpack(bundle: dict[str, Any], folder: str, place: str) -> None:
    beside = f"{place}.part"
    os.makedirs(beside, exist_ok=True)
    done = os.path.join(beside, _DONE)
    finished = _finished(done)
    parts = [one for one in enumerate(bundle["parts"]) if one[0] not in finished]
    note = os.open(done, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        with _reader(bundle, folder) as read:
            _side_by_side(iter(parts), lambda one: _unpack_part(bundle, one, read, beside, note))
        _finish(bundle, beside)
        os.unlink(done)
        os.rename(beside, place)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise BundleError(_no_room(bundle)) from error
        raise
    finally:
        os.close(note)


def _finished(done: str) -> set[int]:
    """The parts that another process unpacked before it was killed; a line is whole or not."""
    try:
        with open(done, encoding="ascii") as file:
            return {int(line) for line in file if line.endswith("\n")}
    except FileNotFoundError:
        return set()


def _unpack_part(
    bundle: dict[str, Any], one: tuple[int, list[Any]], read: Read, beside: str, note: int
) -> None:
    number, (offset, length, digest) = one
    data = memoryview(read(offset, length))
    if len(data) != length or hashlib.sha256(data).hexdigest() != digest:
        raise BundleError(
            f"part {number} of {_named(bundle)} is not what was built (its SHA-256 differs): "
            f"{'delete it' if 'bucket' in bundle else 'build'} and deploy again"
        )
    for path, method, packed in _members(data):
        _write(os.path.join(beside, path), method, packed)
    os.write(note, b"%d\n" % number)


def _members(data: memoryview) -> Iterator[tuple[str, int, memoryview]]:
    at = 0
    while at < len(data):
        mark, _, _, method, _, _, _, packed, _, named, extra = _HEADER.unpack_from(data, at)
        if mark != _MARK:
            raise BundleError("a part does not begin with a member of a ZIP")
        name = at + _HEADER.size
        start = name + named + extra
        yield str(data[name : name + named], "utf-8"), method, data[start : start + packed]
        at = start + packed


def _write(path: str, method: int, packed: memoryview) -> None:
    inflate = None if method == _STORED else zlib.decompressobj(-zlib.MAX_WBITS)
    file = _created(path)
    try:
        for at in range(0, len(packed), _PIECE):
            piece = packed[at : at + _PIECE]
            _write_all(file, inflate.decompress(piece) if inflate else piece)
    finally:
        os.close(file)


def _created(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o644)


def _write_all(file: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _finish(bundle: dict[str, Any], beside: str) -> None:
    """What the members' own headers do not say: programs, and links."""
    for path in bundle["executable"]:
        os.chmod(os.path.join(beside, path), 0o755)
    for path, target in bundle["links"].items():
        link = os.path.join(beside, path)
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(target, link)


def _side_by_side(jobs: Iterator[Any], do: Callable[[Any], None]) -> None:
    """Inflating, hashing, reading and writing release the interpreter's lock."""
    taking = threading.Lock()
    failures: list[BaseException] = []

    def work() -> None:
        while not failures:
            with taking:
                job = next(jobs, None)
            if job is None:
                return
            try:
                do(job)
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(at_once(os.environ) - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def at_once(environ: Mapping[str, str]) -> int:
    """Parts at a time, by the function's memory: 2 of 128 MB, 8 from 512 MB on."""
    memory = int(environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or 1024)
    return max(1, min(_MOST_AT_ONCE, memory // _MEGABYTES_EACH))


class _File:
    """The archive beside this file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1

    def __enter__(self) -> Read:
        self._file = os.open(self._path, os.O_RDONLY)
        return lambda offset, length: os.pread(self._file, length, offset)

    def __exit__(self, *_: object) -> None:
        os.close(self._file)


def _reader(bundle: dict[str, Any], folder: str) -> Any:
    here = os.path.join(folder, ARCHIVE)
    # `imagekit invoke` puts it there also where it goes into a bucket.
    if "bucket" not in bundle or os.path.exists(here):
        return _File(here)
    # TLS takes 30 ms to import: only where it is needed.
    return import_module(f"{__package__}.s3").Object(bundle["bucket"], bundle["key"], os.environ)


def _named(bundle: dict[str, Any]) -> str:
    return f"s3://{bundle['bucket']}/{bundle['key']}" if "bucket" in bundle else ARCHIVE


def _no_room(bundle: dict[str, Any]) -> str:
    return (
        f"{ROOT} has no room for {bundle['unpacked_bytes'] / 1e6:.0f} MB of packages: set a larger "
        "`lambda.storage` and deploy again"
    )
