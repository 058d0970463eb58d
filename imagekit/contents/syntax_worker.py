"""Says which sources an interpreter does not take. Run by `contents.syntax`.

Knows nothing of imagekit, as `contents.worker`, and is not a part of it: every name that lives in
that process may change the bytecode that it writes. stdin: frames of (path length, source length,
path, source), little-endian 32-bit lengths. stdout: a list in JSON, one element per source in
order: null, or its line (null where there is none) and what is wrong.
"""

from __future__ import annotations

import json
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_LENGTHS = struct.Struct("<II")


def fault(path: str, source: bytes) -> tuple[int | None, str] | None:
    """What an import would fail with before it runs a line; None where it runs."""
    try:
        compile(source, path, "exec", dont_inherit=True, optimize=0)
    except SyntaxError as error:
        return error.lineno or None, f"{type(error).__name__}: {error.msg}"
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"
    return None


def faults(received: BinaryIO) -> Iterator[tuple[int | None, str] | None]:
    """Of every frame on `received`."""
    while lengths := received.read(_LENGTHS.size):
        path_bytes, source_bytes = _LENGTHS.unpack(lengths)
        path = received.read(path_bytes).decode()
        yield fault(path, received.read(source_bytes))


if __name__ == "__main__":
    json.dump(list(faults(sys.stdin.buffer)), sys.stdout)
