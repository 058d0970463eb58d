"""Shared objects that are made by hand and that a real loader takes: no compiler is needed."""

from __future__ import annotations

import platform
import struct
from collections.abc import Sequence

from msgspec import Struct, field

ANSWER = 42
"""What the exported number `answer` is."""

PAGE = 0x10000
"""The largest page of Lambda's machines: a file with this alignment loads everywhere."""

_MACHINES = {"x86_64": 62, "aarch64": 183, "arm64": 183}
_BITS, _SYMBOLS, _STRINGS, _HASH, _DYNAMIC, _DYNAMIC_SYMBOLS = 1, 2, 3, 5, 6, 11
_MAPPED = 2
_FRONT = 64 + 3 * 56  # the header and three segments
_SYMBOL = struct.Struct("<IBBHQQ")
_DATA_AT = PAGE * 2 + 0x100


class _File(Struct):
    body: bytearray = field(default_factory=lambda: bytearray(_FRONT))
    rows: list[tuple[str, tuple[int, ...]]] = field(default_factory=lambda: [("", (0,) * 9)])

    def add(self, name: str, type: int, data: bytes, **more: int) -> int:
        """Append a section; its number. `more`: address (0: not mapped), link, entry."""
        address = more.get("address", 0)
        flags = _MAPPED if address else 0
        row = (type, flags, address, len(self.body), len(data), more.get("link", 0), 0, 1)
        self.rows.append((name, (*row, more.get("entry", 0))))
        self.body += data
        return len(self.rows) - 1

    def unmapped(self, names: Sequence[str]) -> None:
        """Sections of 4 KiB each that no segment has; `.symtab` brings its names."""
        for name in names:
            if name == ".symtab":
                self.add(name, _SYMBOLS, bytes(24 * 100), link=len(self.rows) + 1, entry=24)
                self.add(".strtab", _STRINGS, b"\0" + b"a_name\0" * 600)
            else:
                self.add(name, _BITS, name.encode().ljust(4096, b"x"))


def shared_object(
    between: Sequence[str] = (),
    behind: Sequence[str] = (".comment", ".symtab", ".debug_info"),
    *,
    trailing: bytes = b"",
    align: int = PAGE,
    type: int = 3,
) -> bytes:
    """A library that exports `answer`.

    `between` names sections that lie between what is mapped (as patchelf leaves them), `behind`
    those behind it (as linkers do). `trailing` is what no header tells of.
    """
    made = _File()
    at = _FRONT
    names, hashes = b"\0answer\0", struct.pack("<5I", 1, 2, 1, 0, 0)
    number_of_data = 5 + len(between) + (".symtab" in between)
    symbol = _SYMBOL.pack(1, 0x11, 0, number_of_data, _DATA_AT, 4)
    made.add(".dynsym", _DYNAMIC_SYMBOLS, bytes(24) + symbol, address=at, link=2, entry=24)
    made.add(".dynstr", _STRINGS, names, address=at + 48)
    made.add(".hash", _HASH, hashes, address=at + 48 + len(names), link=1, entry=4)
    first = len(made.body)
    made.unmapped(between)
    start = -(-len(made.body) // PAGE) * PAGE
    made.body += bytes(start - len(made.body))
    tags = {4: at + 48 + len(names), 5: at + 48, 6: at, 10: len(names), 11: 24, 0: 0}
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags.items())
    made.add(".dynamic", _DYNAMIC, dynamic.ljust(0x100, b"\0"), address=PAGE * 2, link=2, entry=16)
    made.add(".data", _BITS, struct.pack("<I", ANSWER), address=_DATA_AT)
    made.unmapped(behind)
    segments = (
        (1, 4, 0, 0, 0, first, first, align),
        (1, 6, start, PAGE * 2, PAGE * 2, 0x104, 0x104, align),
        (2, 6, start, PAGE * 2, PAGE * 2, len(dynamic), len(dynamic), 8),
    )
    return _finished(made, segments, type) + trailing


def _finished(made: _File, segments: Sequence[tuple[int, ...]], type: int) -> bytes:
    strings = b"\0".join(name.encode() for name, _ in made.rows) + b"\0.shstrtab\0"
    names = made.add(".shstrtab", _STRINGS, strings)
    made.body += bytes(-len(made.body) % 8)
    sections_at = len(made.body)
    for name, row in made.rows:
        made.body += struct.pack("<IIQQQQIIQQ", strings.index(name.encode() + b"\0"), *row)
    machine = _MACHINES.get(platform.machine(), 62)
    table = (64, sections_at, 0, 64, 56, len(segments), 64, len(made.rows), names)
    header = struct.pack("<HHIQQQIHHHHHH", type, machine, 1, 0, *table)
    made.body[:64] = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + header
    for number, segment in enumerate(segments):
        at = 64 + number * 56
        made.body[at : at + 56] = struct.pack("<IIQQQQQQ", *segment)
    return bytes(made.body)
