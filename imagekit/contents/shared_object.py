"""A shared object's tables as a loader sees them, or nothing where they are not as usual.

Only what Lambda runs: 64 bit, little-endian. System V ABI, "Object Files" and "Program Loading":
https://gabi.xinuos.com
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from imagekit.model.tree import Data

MAGIC: Final = b"\x7fELF"
SYMBOLS, STRINGS, SYMBOL_INDEXES = 2, 3, 18
"""`sh_type` of static symbol tables, their names, and their overflow of section numbers."""

_LITTLE_64: Final = MAGIC + b"\x02\x01\x01"
_SHARED_OBJECT: Final = 3
_LOAD, _DYNAMIC = 1, 2
_NULL, _NO_BITS = 0, 8
_ALLOCATED: Final = 0x2
_RESERVED: Final = 0xFF00  # from here on the counts stand elsewhere

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")


class Header(NamedTuple):
    """The ELF header, field by field."""

    ident: bytes
    type: int
    machine: int
    version: int
    entry: int
    segments_at: int
    sections_at: int
    flags: int
    size: int
    segment_size: int
    segments: int
    section_size: int
    sections: int
    names: int
    """Number of the section with the sections' names."""

    def pack(self) -> bytes:
        """As it stands in the file."""
        return _HEADER.pack(*self)


class Segment(NamedTuple):
    """One program header: what a loader maps, or a part of that it looks at."""

    type: int
    flags: int
    offset: int
    address: int
    physical: int
    size: int
    memory: int
    align: int

    @property
    def end(self) -> int:
        """Where its bytes in the file end."""
        return self.offset + self.size

    @property
    def loads(self) -> bool:
        """Whether it is mapped."""
        return self.type == _LOAD

    @property
    def aligned(self) -> bool:
        """What ld.so asks of it: glibc elf/dl-load.c, "address/offset not page-aligned"."""
        step = max(self.align, 1)
        return step & (step - 1) == 0 and (self.address - self.offset) % step == 0

    def pack(self) -> bytes:
        """As it stands in the file."""
        return _SEGMENT.pack(*self)


class Section(NamedTuple):
    """One section header."""

    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int

    @property
    def end(self) -> int:
        """Where its bytes in the file end."""
        return self.offset + (0 if self.type in (_NULL, _NO_BITS) else self.size)

    @property
    def mapped(self) -> bool:
        """Whether it is part of what a loader maps."""
        return bool(self.flags & _ALLOCATED)

    def pack(self) -> bytes:
        """As it stands in the file."""
        return _SECTION.pack(*self)


NO_SECTION: Final = Section(0, _NULL, 0, 0, 0, 0, 0, 0, 0, 0)
SECTION_BYTES: Final = _SECTION.size


class SharedObject(Struct, frozen=True, kw_only=True):
    """A shared object whose headers describe all of it."""

    data: Data
    header: Header
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]
    names: tuple[str, ...]
    """Of the sections, in their order."""

    @property
    def loads(self) -> tuple[Segment, ...]:
        """What has bytes to map, in the order of the file."""
        found = (one for one in self.segments if one.loads and one.size)
        return tuple(sorted(found, key=lambda one: one.offset))

    @property
    def is_sound(self) -> bool:
        """Whether a loader takes it, and nothing lies in it that no header describes."""
        loads = self.loads
        return (
            bool(loads)
            and loads[0].offset == 0
            and any(one.type == _DYNAMIC for one in self.segments)
            and all(one.aligned for one in self.segments if one.loads)
            and all(_inside(one.offset, one.end, loads) for one in self.segments if one.size)
            and all(_inside(one.offset, one.end, loads) for one in self.sections if _mapped(one))
            and _inside(self.header.segments_at, self._segments_end, loads)
            and self._end <= len(self.data)
            and not any(self.data[self._end :])
        )

    @property
    def _segments_end(self) -> int:
        return self.header.segments_at + _SEGMENT.size * len(self.segments)

    @property
    def _end(self) -> int:
        """Behind the last byte that a header tells of."""
        table = self.header.sections_at + SECTION_BYTES * len(self.sections)
        ends = [one.end for one in self.loads] + [one.end for one in self.sections]
        return max(table, *ends)


def read_shared_object(data: Data) -> SharedObject | None:
    """None where `data` is no shared object, has no sections, or is not sound."""
    if not data.startswith(_LITTLE_64) or len(data) < _HEADER.size:
        return None
    header = Header._make(_HEADER.unpack_from(data))
    usual = (
        header.type == _SHARED_OBJECT
        and (header.segment_size, header.section_size) == (_SEGMENT.size, _SECTION.size)
        and 0 < header.segments < _RESERVED
        and 0 <= header.names < header.sections < _RESERVED
    )
    if not usual:
        return None
    try:
        found = _read(data, header)
    except (struct.error, ValueError):  # a table or a name that the file ends before
        return None
    return found if found.is_sound else None


def _read(data: Data, header: Header) -> SharedObject:
    segments = _table(data, _SEGMENT, header.segments_at, header.segments)
    rows = _table(data, _SECTION, header.sections_at, header.sections)
    sections = tuple(Section._make(row) for row in rows)
    strings: Section = sections[header.names]
    return SharedObject(
        data=data,
        header=header,
        segments=tuple(Segment._make(row) for row in segments),
        sections=sections,
        names=tuple(_names(bytes(data[strings.offset : strings.end]), sections)),
    )


def _table(data: Data, row: struct.Struct, start: int, count: int) -> Iterator[tuple[int, ...]]:
    return (row.unpack_from(data, start + number * row.size) for number in range(count))


def _names(strings: bytes, sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        yield strings[section.name : strings.index(b"\0", section.name)].decode()


def _mapped(section: Section) -> bool:
    return section.mapped and section.end > section.offset


def _inside(start: int, end: int, loads: Sequence[Segment]) -> bool:
    return any(load.offset <= start and end <= load.end for load in loads)
