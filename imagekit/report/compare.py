"""Every packaging of a function as a table, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from msgspec import to_builtins

from imagekit.model.comparison import Compared, Measure
from imagekit.model.durations import duration
from imagekit.model.sizes import size

SCHEMA = 1
_HEAD = ("", "fits", "unzipped", "files", "upload", "start")
_FITS = {True: "yes", False: "no", None: "?"}


def compare_lines(rows: Sequence[Compared]) -> Iterator[str]:
    """A table for each function and architecture; why something does not fit stands below it."""
    for (function, architecture), found in groupby(rows, lambda r: (r.function, r.architecture)):
        here = list(found)
        yield f"{function}  {architecture}"
        cells = [_HEAD, *map(_cells, here)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(_HEAD))]
        notes = ["", *(row.why if row.fits else "" for row in here)]
        for row, note in zip(cells, notes, strict=True):
            numbers = (cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True))
            words = (row[0].ljust(widths[0]), row[1].ljust(widths[1]), *numbers, note)
            yield f"  {'  '.join(words)}".rstrip()
        for one in here:
            if not one.fits:
                yield f"  {one.packaging}: {one.why}"


def hint_line(rows: Sequence[Compared]) -> str:
    """What to type where starts were not measured, or of other inputs; empty if all are known."""
    fitting = [row for row in rows if row.fits]
    lacking = [row for row in fitting if row.start is None or not row.start.current]
    if not lacking:
        return ""
    first = lacking[0].function
    words = " ".join(f"--packaging {row.packaging}" for row in lacking if row.function == first)
    return f"starts that were not measured: imagekit bench {first} {words}"


def compare_json(rows: Sequence[Compared]) -> str:
    """`{"schema": 1, "compared": […]}`; keys of what is not known are left out."""
    listed = [
        {key: value for key, value in to_builtins(row).items() if value not in (None, "", ())}
        | {"fits": row.fits}
        for row in rows
    ]
    return json.dumps({"schema": SCHEMA, "compared": listed}, indent=2)


def _cells(row: Compared) -> tuple[str, ...]:
    return (
        row.packaging,
        _FITS[row.fits],
        _size(row, "unzipped_bytes"),
        _count(row),
        _size(row, "upload_bytes"),
        _start(row),
    )


def _size(row: Compared, measure: Measure) -> str:
    value = getattr(row, measure)
    if value is None:
        return "—"
    return f"{'about ' if measure in row.estimated else ''}{size(value)}"


def _count(row: Compared) -> str:
    if row.files is None:
        return "—"
    return f"{'about ' if 'files' in row.estimated else ''}{row.files:,}"


def _start(row: Compared) -> str:
    if row.start is None:
        return "—"
    was = "" if row.start.current else ", of other inputs"
    under = f"{row.start.count} at {row.start.memory_limit_mb} MB"
    return f"{duration(row.start.median_ms)} ({under}{was})"
