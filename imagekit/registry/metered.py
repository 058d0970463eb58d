"""Counting bytes as they leave, and stopping them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from imagekit.net.http import Body

if TYPE_CHECKING:
    from typing_extensions import Buffer

_BUFFER_BYTES = 256 * 1024


class Stopped(Exception):
    """Another upload of the same push failed, or the user pressed Ctrl-C."""


class Meter:
    """Shared by the uploads of a push: one `progress` for all, one switch to stop them all."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @classmethod
    def silent(cls) -> Meter:
        """For bytes that were reported before."""
        return cls(lambda size_bytes: None)

    def count(self, size_bytes: int) -> None:
        """Report bytes, negative where an upload starts over; `Stopped` once `stop` was called."""
        if self._stopped.is_set():
            raise Stopped
        with self._lock:
            self._progress(size_bytes)

    def stop(self) -> None:
        """Let every upload end with `Stopped` at its next byte."""
        self._stopped.set()


class Metered(Struct):
    """A body whose bytes are counted; opened again, it takes back what it had counted."""

    body: Body
    meter: Meter
    counted: int = 0

    @property
    def size_bytes(self) -> int:
        """That of the body inside."""
        return self.body.size_bytes

    def open(self) -> BinaryIO:
        """Read from the start."""
        if self.counted:
            self.meter.count(-self.counted)
            self.counted = 0
        return io.BufferedReader(_Counting(self, self.body.open()), _BUFFER_BYTES)

    def count(self, size_bytes: int) -> None:
        """So many more were read."""
        self.counted += size_bytes
        self.meter.count(size_bytes)


class _Counting(io.RawIOBase):
    def __init__(self, metered: Metered, inner: BinaryIO) -> None:
        self._metered = metered
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._inner.read(len(view))
        view[: len(chunk)] = chunk
        if chunk:
            self._metered.count(len(chunk))
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()
