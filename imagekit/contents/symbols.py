"""Shared objects without what only a debugger reads: symbol tables, debug sections, comments.

GNU strip lays a file out anew, and breaks libraries that patchelf edited ("ELF load command
address/offset not properly aligned": numpy#20101, scipy#12975, pypa/manylinux#119); auditwheel
edits every library that it bundles. Here nothing is laid out anew: the bytes that a loader maps
stay as they are, in their order and at their addresses, and what lies between and behind them
goes. That needs no tool of the target's, and gives the same bytes on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from imagekit.contents.shared_object import (
    MAGIC,
    NO_SECTION,
    SECTION_BYTES,
    STRINGS,
    SYMBOL_INDEXES,
    SYMBOLS,
    Section,
    Segment,
    SharedObject,
    read_shared_object,
)
from imagekit.model.tree import Data

RECIPE: Final = 1
"""Raised when the same file comes out with other bytes."""

_TABLES: Final = (SYMBOLS, SYMBOL_INDEXES)
_TABLE_ALIGNMENT: Final = 8
_FOR_DEBUGGERS: Final = re.compile(
    r"\.(z?debug_.*|rela?\.z?debug_.*|stab.*|gdb_index|gnu_debug(data|link|altlink)"
    r"|comment|line|gnu\.build\.attributes.*|annobin\.notes|GCC\.command\.line)"
)
"""As `strip` has them, and what compilers write about themselves. Any other section that is not
mapped may be somebody's data, and stays (PyInstaller, torch and others look for theirs)."""


def stripped(data: Data) -> Data:
    """`data` without static symbols and debug sections.

    `data` itself where that is no shared object of Lambda's machines, where nothing can go, and
    where anything in it is not as usual: what is not understood stays as it was.
    """
    if not data.startswith(MAGIC):
        return data
    shared = read_shared_object(data)
    if shared is None:
        return data
    gone = _unneeded(shared)
    made = _written(shared, gone) if gone else data
    return made if len(made) < len(data) and _loads_alike(made, shared) else data


def _unneeded(shared: SharedObject) -> frozenset[int] | None:
    """Numbers of the sections that go; None where one that stays refers to one of them."""
    sections = shared.sections
    gone = {
        number
        for number, name in enumerate(shared.names)
        if not sections[number].mapped
        and (sections[number].type in _TABLES or _FOR_DEBUGGERS.fullmatch(name))
    }
    strings = {sections[number].link for number in gone} | {shared.header.names}
    gone |= {
        number
        for number in strings
        if sections[number].type == STRINGS and not sections[number].mapped
    }
    staying = (one for number, one in enumerate(sections) if number not in gone)
    if shared.header.names not in gone or any(one.link in gone for one in staying):
        return None
    return frozenset(gone)


class _Move(Struct, frozen=True):
    """Bytes of the file that stay together, and where they go."""

    start: int
    end: int
    to: int

    @property
    def new_end(self) -> int:
        return self.to + self.end - self.start


def _written(shared: SharedObject, gone: frozenset[int]) -> Data:
    kept = {
        number: section
        for number, section in enumerate(shared.sections)
        if number not in gone and section != NO_SECTION
    }
    moves = list(_moves(shared.loads, kept.values()))
    table, strings = _table(shared, kept, min(gone), moves)
    strings_at = moves[-1].new_end
    table_at = _up(strings_at + len(strings), _TABLE_ALIGNMENT)
    made = bytearray(table_at + SECTION_BYTES * len(table))
    for move in moves:
        made[move.to : move.new_end] = memoryview(shared.data)[move.start : move.end]
    header = shared.header._replace(
        segments_at=_moved(shared.header.segments_at, moves),
        sections_at=table_at,
        sections=len(table),
        names=min(gone),
    )
    segments = (one._replace(offset=_moved(one.offset, moves)) for one in shared.segments)
    pieces = {
        0: header.pack(),
        header.segments_at: b"".join(segment.pack() for segment in segments),
        strings_at: strings,
        table_at: b"".join(section.pack() for section in table),
    }
    for at, piece in pieces.items():
        made[at : at + len(piece)] = piece
    return made


def _moves(loads: Iterable[Segment], kept: Iterable[Section]) -> Iterator[_Move]:
    """What is mapped, moved up by whole steps of its alignment; then the sections that are not."""
    to = 0
    for start, end, step in _runs(loads):
        yield (move := _Move(start, end, start - (start - to) // step * step))
        to = move.new_end
    for section in sorted(kept, key=lambda one: one.offset):
        if not section.mapped and section.end > section.offset:
            yield (move := _Move(section.offset, section.end, _up(to, section.align)))
            to = move.new_end


def _runs(loads: Iterable[Segment]) -> list[tuple[int, int, int]]:
    """Start, end and alignment of what is mapped; segments that share bytes are one run."""
    runs: list[tuple[int, int, int]] = []
    for load in loads:
        step = max(load.align, 1)
        if runs and load.offset < runs[-1][1]:
            start, end, other = runs.pop()
            runs.append((start, max(end, load.end), max(step, other)))
        else:
            runs.append((load.offset, load.end, step))
    return runs


def _table(
    shared: SharedObject, kept: Mapping[int, Section], names: int, moves: Sequence[_Move]
) -> tuple[list[Section], bytes]:
    """The section headers, and the strings with their names, which take number `names`.

    Every section keeps its number, as dynamic symbols refer to it; what went leaves a gap.
    """
    strings = bytearray(b"\0")
    table = [NO_SECTION] * (max(*kept, names) + 1)
    sections = {**kept, names: shared.sections[shared.header.names]}
    for number, section in sections.items():
        table[number] = section._replace(name=len(strings), offset=_moved(section.offset, moves))
        name = shared.names[number] if number in kept else ".shstrtab"
        strings += name.encode() + b"\0"
    table[names] = table[names]._replace(offset=moves[-1].new_end, size=len(strings))
    return table, bytes(strings)


def _moved(offset: int, moves: Sequence[_Move]) -> int:
    """Where an offset lies now; of what has no bytes, near where it lay."""
    for move in moves:
        if move.start <= offset < move.end:
            return move.to + offset - move.start
    return max((move.new_end for move in moves if move.end <= offset), default=0)


def _up(offset: int, step: int) -> int:
    step = max(step, 1)
    return -(-offset // step) * step


def _loads_alike(made: Data, shared: SharedObject) -> bool:
    """Whether a loader takes what was made, and finds the same at the same addresses."""
    again = read_shared_object(made)
    return again is not None and _places(again) == _places(shared)


def _places(shared: SharedObject) -> list[Segment]:
    return [segment._replace(offset=0) for segment in shared.segments]
