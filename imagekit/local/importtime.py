"""What `-X importtime` writes to stderr, as a tree again.

CPython writes a line when an import ends, so that what a module imports stands before it, indented
by one step more (Python/import.c, `import_find_and_load`). Imports that fail have a line, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

BEGIN, END = "imagekit-probe: begin", "imagekit-probe: end"
"""The probe writes them to stderr around what is measured."""

# Not anchored: what a module itself wrote without a line end stands before it.
_LINE = re.compile(
    r"import time:\s*(?P<self>\d+) \|\s*(?P<cumulative>\d+) \| (?P<indent> *)(?P<module>\S+)\s*$"
)
_STEP = 2


class Timed(Struct, frozen=True, kw_only=True):
    """One import; µs."""

    module: str
    self_us: int
    cumulative_us: int
    depth: int
    parent: int | None
    """Place of the importer in the tuple."""


class Measured(Struct, frozen=True, kw_only=True):
    """The imports of one run."""

    interpreter_us: int
    """Before `BEGIN`: what Python imports to start itself."""
    imports: tuple[Timed, ...]
    """Between `BEGIN` and `END`, importers before what they import."""


def read(log: str) -> Measured:
    """Everything between the marks; lines that are no import's are passed over.

    Without a `BEGIN` nothing is measured; without an `END` (a process that died) what there is.
    """
    before, _, rest = log.partition(BEGIN)
    inside = rest.partition(END)[0]
    started = sum(node.cumulative_us for node in _trees(before))
    return Measured(interpreter_us=started, imports=tuple(_in_order(_trees(inside))))


class _Node(Struct):
    module: str
    self_us: int
    cumulative_us: int
    level: int
    children: list[_Node]


def _trees(log: str) -> list[_Node]:
    """The imports that no other caused, each with what it imported."""
    waiting: list[_Node] = []
    for line in log.splitlines():
        if match := _LINE.search(line):
            level = len(match["indent"]) // _STEP
            first = len(waiting)
            while first and waiting[first - 1].level > level:
                first -= 1
            node = _Node(
                module=match["module"],
                self_us=int(match["self"]),
                cumulative_us=int(match["cumulative"]),
                level=level,
                children=waiting[first:],
            )
            waiting[first:] = [node]
    return waiting


def _in_order(roots: list[_Node]) -> Iterator[Timed]:
    place = 0
    todo: list[tuple[_Node, int, int | None]] = [(node, 0, None) for node in reversed(roots)]
    while todo:
        node, depth, parent = todo.pop()
        yield Timed(
            module=node.module,
            self_us=node.self_us,
            cumulative_us=node.cumulative_us,
            depth=depth,
            parent=parent,
        )
        todo.extend((child, depth + 1, place) for child in reversed(node.children))
        place += 1
