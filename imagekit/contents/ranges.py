"""Reading parts of a wheel over HTTP: its directory and metadata without the rest (RFC 9110, 14).

What is read this way is not covered by the lock's sha256: good enough to plan with, never to build.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from msgspec import Struct

from imagekit.contents.address import Address
from imagekit.model.package import Package
from imagekit.net.http import Request, Response, Transport, failure, no_answer
from imagekit.net.redirects import follow
from imagekit.net.retry import with_retries

_TAIL_BYTES = 64 * 1024
# Metadata stands just before the directory, as the wheel specification recommends: what is read
# towards the front takes some more along.
_AHEAD_BYTES = 64 * 1024
_NEAR_BYTES = 1024 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_PARTIAL = 206
# 416: the file is shorter than the suffix; 400 and 501: suffixes are not understood (Azure, some
# mirrors). A whole download always works.
_WITHOUT_RANGES = (200, 400, 416, 501)


class _Part(Struct, frozen=True, kw_only=True):
    first: int
    data: bytes
    file_bytes: int
    """Size of the whole file."""

    def holds(self, first: int, end: int) -> bool:
        return self.first <= first and end <= self.first + len(self.data)

    def cut(self, first: int, end: int) -> bytes:
        return self.data[first - self.first : end - self.first]


class RemoteFile:
    """A file behind HTTP, read by ranges; what was read is kept. Safe to share between threads."""

    def __init__(self, ask: Callable[[str], _Part | None], tail: _Part, request: Request) -> None:
        self._ask = ask
        self._request = request
        self._tail = tail
        self._others: list[_Part] = []
        self._lock = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """How many bytes the whole file has."""
        return self._tail.file_bytes

    def read_at(self, offset: int, size_bytes: int) -> bytes:
        """Bytes from `offset` on; fewer than asked only at the end. HttpError."""
        first, end = min(offset, self.size_bytes), min(offset + size_bytes, self.size_bytes)
        with self._lock:
            for part in (self._tail, *self._others):
                if part.holds(first, end):
                    return part.cut(first, end)
            return self._read_on(first, end).cut(first, end)

    def _read_on(self, first: int, end: int) -> _Part:
        tail = self._tail
        if first < tail.first <= first + _NEAR_BYTES:
            before = self._get(max(0, first - _AHEAD_BYTES), tail.first)
            data = before.data + tail.data
            self._tail = _Part(first=before.first, data=data, file_bytes=tail.file_bytes)
            return self._tail
        part = self._get(first, min(self.size_bytes, max(end, first + _AHEAD_BYTES)))
        self._others.append(part)
        return part

    def _get(self, first: int, end: int) -> _Part:
        part = self._ask(f"bytes={first}-{end - 1}")
        if part is None or part.file_bytes != self.size_bytes or not part.holds(first, end):
            why = "another range than the one asked for"
            raise no_answer(self._request, why, temporary=False)
        return part


def open_remote(
    package: Package, transport: Transport, *, sleep: Callable[[float], None]
) -> RemoteFile | None:
    """The wheel of `package` where it is served; None where its server does not do ranges.

    One request for the last 64 KiB, more as they are needed. HttpError where it is not there.
    """
    address = Address.of(package.wheel.url)

    def ask(wanted: str) -> _Part | None:
        request = address.request({"Range": wanted})

        def once() -> _Part | None:
            with follow(transport, request) as response:
                return _part(request, response)

        return with_retries(once, sleep=sleep)

    tail = ask(f"bytes=-{_TAIL_BYTES}")
    return None if tail is None else RemoteFile(ask, tail, address.request())


def _part(request: Request, response: Response) -> _Part | None:
    if response.status in _WITHOUT_RANGES:
        return None
    if response.status != _PARTIAL:
        raise failure(request, response)
    stated = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if not stated:
        return None
    first, last, size = (int(number) for number in stated.groups())
    data = response.read()
    if len(data) != last + 1 - first:
        raise no_answer(request, "the answer is not the range it names", temporary=True)
    return _Part(first=first, data=data, file_bytes=size)
