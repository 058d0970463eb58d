"""Shares as bars, for a terminal: characters alone, no colour. Rich draws them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from rich.text import Text

_BAR_COLUMNS = 24
_LEAST_COLUMNS = 4
"""A terminal that has less for the last cell gets no bars."""


class Row(Struct, frozen=True):
    """One line: a name, its share of the whole (0 to 1), and what else is said of it.

    All rows of a table have as many cells, one at least.
    """

    label: str
    share: float
    cells: tuple[str, ...]


def table(rows: Sequence[Row], columns: int | None) -> Iterator[str]:
    """The rows as lines, their cells under each other; with bars where a terminal has `columns`.

    There the last cell is cut where the terminal ends; what a program reads is whole.
    """
    lines = [(row.label, *row.cells) for row in rows]
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if columns is not None:
        room = columns - sum(widths[:-1]) - _BAR_COLUMNS - 2 * len(widths)
        if room >= _LEAST_COLUMNS:
            yield from _drawn(rows, [*widths[:-1], max(1, min(widths[-1], room))])
            return
    for label, *cells, last in lines:
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths[1:-1], strict=True)]
        yield "  ".join((label.ljust(widths[0]), *aligned, last)).rstrip()


def _drawn(rows: Sequence[Row], widths: Sequence[int]) -> Iterator[str]:
    from rich.bar import Bar
    from rich.console import Console
    from rich.table import Table

    label, *fixed, last = widths
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=label, no_wrap=True)
    grid.add_column(width=_BAR_COLUMNS)
    for width in fixed:
        grid.add_column(justify="right", width=width, no_wrap=True)
    grid.add_column(width=last, no_wrap=True, overflow="ellipsis")
    for row in rows:
        grid.add_row(_text(row.label), Bar(1, 0, row.share), *map(_text, row.cells))
    out = io.StringIO()
    columns = sum(widths) + _BAR_COLUMNS + 2 * len(widths)
    Console(file=out, width=columns, color_system=None, highlight=False).print(grid)
    yield from (line.rstrip() for line in out.getvalue().splitlines())


def _text(words: str) -> Text:
    """As it stands: square brackets in a path are no markup."""
    from rich.text import Text

    return Text(words)
