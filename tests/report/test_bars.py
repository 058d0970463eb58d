"""Shares as bars on a terminal, and as plain columns elsewhere."""

from __future__ import annotations

import pytest

from imagekit.report.bars import Row, table

ROWS = [
    Row("pyarrow 26.0.1", 0.5, ("171 MB", "857 files", "shared libraries [161 MB]")),
    Row("six", 0.0, ("80 kB", "7 files", "Python")),
]


def test_a_program_reads_columns_without_bars() -> None:
    """Names to the left, numbers to the right, no space at the end of a line."""
    assert list(table(ROWS, None)) == [
        "pyarrow 26.0.1  171 MB  857 files  shared libraries [161 MB]",
        "six              80 kB    7 files  Python",
    ]


def test_a_terminal_shows_bars_of_the_right_length() -> None:
    """Half of the whole is half of the bar; square brackets are no markup; no escape codes."""
    half, none = table(ROWS, 120)

    assert half.count("█") == 12
    assert none.count("█") == 0
    assert "[161 MB]" in half
    assert "\x1b" not in half + none


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    """Only the last cell is cut: numbers stay whole."""
    lines = list(table(ROWS, columns))

    assert all(len(line) <= columns for line in lines)
    assert ["171 MB" in lines[0], "80 kB" in lines[1]] == [True, True]


def test_a_terminal_without_room_gets_no_bars() -> None:
    """Better long lines than numbers that are cut."""
    assert list(table(ROWS, 40)) == list(table(ROWS, None))


@pytest.mark.parametrize("columns", [None, 80])
def test_no_rows_are_no_lines(columns: int | None) -> None:
    """An empty artefact has tables, too."""
    assert list(table([], columns)) == []
