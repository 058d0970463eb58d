"""What rules need of a file's content: ELF facts, a `.pyc`'s header, the hash of a source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct

from imagekit.check.bytecode import HEADER_BYTES, is_hash_based, magic_of, source_hash
from imagekit.check.entries import NOTHING_SEEN, Seen
from imagekit.contents.elf import facts_of_header, inspect_elf

MAX_ELF_BYTES: Final = 512 * 1024 * 1024
"""Of larger ones only the header is read: what is held in memory has a bound."""

_MAX_SOURCE_BYTES: Final = 16 * 1024 * 1024
_ELF: Final = b"\x7fELF"
_HEAD: Final = 20


class Readable(Protocol):
    """Bytes that are read once, from the first to the last."""

    def read(self, amount: int) -> bytes:
        """`amount` bytes, or an error."""
        ...


class Lookout(Struct):
    """Reads of a layer's files what is needed, as they pass by. One for each layer."""

    inspect: Callable[[str], bool]
    """Whether an ELF file at this path is read whole, for the glibc that it asks for."""
    magic: bytes = b""
    """Of the expected Python's bytecode; else that of the first `.pyc` which passes by."""

    def __call__(self, path: str, size_bytes: int, stream: Readable) -> tuple[Seen, int]:
        """What was seen, and how many bytes were read."""
        head = stream.read(min(size_bytes, _HEAD))
        if head.startswith(_ELF):
            return self._elf(path, size_bytes, head, stream)
        if path.endswith(".pyc"):
            pyc = head[:HEADER_BYTES]
            if not self.magic and is_hash_based(pyc):
                self.magic = magic_of(pyc)
            return Seen(pyc=pyc), len(head)
        if path.endswith(".py") and self.magic and size_bytes <= _MAX_SOURCE_BYTES:
            source = head + stream.read(size_bytes - len(head))
            return Seen(source_hash=source_hash(self.magic, source)), size_bytes
        return NOTHING_SEEN, len(head)

    def _elf(self, path: str, size_bytes: int, head: bytes, stream: Readable) -> tuple[Seen, int]:
        if not self.inspect(path) or size_bytes > MAX_ELF_BYTES:
            return Seen(elf=facts_of_header(head)), len(head)
        data = head + stream.read(size_bytes - len(head))
        return Seen(elf=inspect_elf(data) or facts_of_header(head)), size_bytes
