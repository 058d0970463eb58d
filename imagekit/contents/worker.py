"""Compiles sources to bytecode inside the target's own interpreter. Run by `contents.bytecode`.

Knows nothing of imagekit: its text is handed to `python -c`, so that it also runs inside a composed
base. stdin: frames of (path length, source length, path, source), little-endian 32-bit lengths.
stdout: one frame with the interpreter's version and cache tag, then one per source, in order; an
empty one where the source does not compile. A frame is a length and that many bytes.
"""

from __future__ import annotations

import gc
import marshal
import struct
import sys
from importlib.util import MAGIC_NUMBER, source_hash

TYPE_CHECKING = False  # importing typing would take as long as all the rest
if TYPE_CHECKING:
    from typing import BinaryIO

_LENGTHS = struct.Struct("<II")
_LENGTH = struct.Struct("<I")

# PEP 552: hash-based, and the source is never looked at on import.
_UNCHECKED_HASH = (0b01).to_bytes(4, "little")


def compiled(path: str, source: bytes) -> bytes:
    """A whole `.pyc`; empty where `source` is not Python of this version.

    The code object dies here: what is still alive shows in what marshal writes of the next one.
    """
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
        return MAGIC_NUMBER + _UNCHECKED_HASH + source_hash(source) + marshal.dumps(code)
    except Exception:  # as compileall: templates and Python 2 files are in many wheels
        return b""


def main(received: BinaryIO, answers: BinaryIO) -> None:
    """Answer every frame on `received`."""

    def answer(data: bytes) -> None:
        answers.write(_LENGTH.pack(len(data)))
        answers.write(data)
        answers.flush()  # so that the file at which an interpreter crashes can be told

    # marshal writes what it sees in reference counts: nothing may depend on when cycles are freed.
    gc.disable()
    answer(f"{sys.version.split()[0]} {sys.implementation.cache_tag}".encode())
    while lengths := received.read(_LENGTHS.size):
        path_bytes, source_bytes = _LENGTHS.unpack(lengths)
        path = received.read(path_bytes).decode()
        answer(compiled(path, received.read(source_bytes)))


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
