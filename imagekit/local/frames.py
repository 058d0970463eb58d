"""What goes to the relay in the container and comes from it: frames. Pure; see `relay`."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from functools import cache

from msgspec import Struct

_INWARDS, _OUTWARDS = struct.Struct(">cII"), struct.Struct(">cIQI")

DATA, CLOSED, HANDED = b"D", b"C", b"A"
READY, BEGAN, NOT_STARTED, ENDED, KILLED, MEMORY = b"R", b"B", b"F", b"X", b"K", b"M"


class Frame(Struct, frozen=True, kw_only=True):
    """One frame of the relay's."""

    kind: bytes
    connection: int
    at_ns: int
    """On the container's monotonic clock."""
    payload: bytes = b""

    @property
    def values(self) -> dict[str, object]:
        """The JSON in it."""
        found = json.loads(self.payload or b"{}")
        return found if isinstance(found, dict) else {}


class Frames:
    """Cuts a stream into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Every frame that is whole now."""
        self._rest += data
        while len(self._rest) >= _OUTWARDS.size:
            kind, connection, at, length = _OUTWARDS.unpack_from(self._rest)
            end = _OUTWARDS.size + length
            if len(self._rest) < end:
                return
            payload = bytes(memoryview(self._rest)[_OUTWARDS.size : end])
            del self._rest[:end]
            yield Frame(kind=kind, connection=connection, at_ns=at, payload=payload)


def data(connection: int, payload: bytes) -> bytes:
    """Bytes for a connection of the function's."""
    return _frame(b"D", connection, payload)


def hang_up(connection: int) -> bytes:
    """End a connection of the function's."""
    return _frame(b"C", connection)


def start(argv: Sequence[str]) -> bytes:
    """Start the entry point."""
    return _frame(b"S", 0, json.dumps({"argv": list(argv)}).encode())


def kill() -> bytes:
    """End every process of the function's."""
    return _frame(b"K")


def look() -> bytes:
    """Look at its memory."""
    return _frame(b"M")


@cache
def relay() -> str:
    """The program itself, as an argument of `python -c`."""
    from importlib.resources import files

    return files("imagekit.local").joinpath("relay.py").read_text("utf-8")


def _frame(kind: bytes, connection: int = 0, payload: bytes = b"") -> bytes:
    return _INWARDS.pack(kind, connection, len(payload)) + payload
