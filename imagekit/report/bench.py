"""Cold starts in words, as bars, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from msgspec import to_builtins

from imagekit.model.durations import duration
from imagekit.model.sizes import size
from imagekit.model.startup import Spread, StartSeries
from imagekit.report.bars import Row, table

SCHEMA = 1


def bench_lines(series: Sequence[StartSeries], columns: int | None) -> Iterator[str]:
    """A table of the medians, with the middle half of each behind it; bars on a terminal."""
    most = max((one.start_ms.median for one in series), default=1.0) or 1.0
    words = [_cells(one) for one in series]
    shown = [any(cells) for cells in zip(*words, strict=True)]
    rows = [
        Row(
            one.artefact,
            one.start_ms.median / most,
            tuple(cell for cell, some in zip(cells, shown, strict=True) if some),
        )
        for one, cells in zip(series, words, strict=True)
    ]
    yield from table(rows, columns)


def closing_line(series: Sequence[StartSeries]) -> str:
    """One line: how many starts, and who was how much faster."""
    counts = sum(len(one.starts) for one in series)
    line = f"{counts} cold starts {'in Lambda' if series[0].where == 'lambda' else 'here'}"
    fast, *_, slow = sorted((*series, *series), key=lambda one: one.start_ms.median)
    if fast is not slow and fast.start_ms.median:
        times = slow.start_ms.median / fast.start_ms.median
        line += f"  {fast.artefact} starts {times:.1f} times as fast as {slow.artefact}"
    return line


def bench_json(series: Sequence[StartSeries]) -> str:
    """`{"schema": 1, "series": […]}`; durations in ms, every start and the spreads of all."""
    return json.dumps({"schema": SCHEMA, "series": [_document(one) for one in series]}, indent=2)


def _document(series: StartSeries) -> dict[str, object]:
    spreads = {
        "init_ms": series.init_ms,
        "first_answer_ms": series.first_answer_ms,
        "memory_bytes": series.memory_bytes,
        "restore_ms": series.restore_ms,
        "billed_ms": series.billed_ms,
    }
    summed = {name: to_builtins(spread) for name, spread in spreads.items() if spread is not None}
    whole: dict[str, object] = to_builtins(series)
    return whole | {"spread": summed}


def _cells(one: StartSeries) -> tuple[str, ...]:
    """INIT, restoring, first answer, what is billed, memory, and what it is."""
    return (
        _spread("init", one.init_ms, duration),
        _spread("restore", one.restore_ms, duration),
        _spread("first answer", one.first_answer_ms, duration),
        _spread("billed", one.billed_ms, duration),
        _memory(one),
        " ".join(word for word in (one.packaging, _bytecode(one)) if word),
    )


def _spread(name: str, found: Spread | None, words: Callable[[float], str]) -> str:
    if found is None:
        return ""
    if found.count == 1:
        return f"{name} {words(found.median)}"
    middle = f"{words(found.lower_quartile)} to {words(found.upper_quartile)}"
    return f"{name} {words(found.median)} ({middle})"


def _memory(one: StartSeries) -> str:
    found = one.memory_bytes
    return f"{size(int(found.median))} of {one.memory_limit_mb} MB" if found else ""


def _bytecode(one: StartSeries) -> str:
    if one.bytecode is None:
        return ""
    return "with bytecode" if one.bytecode else "without bytecode"
