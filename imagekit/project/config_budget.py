"""`budget`: how large a function may become, as sizes with a unit."""

from __future__ import annotations

import re
from math import isfinite

from imagekit.model.budget import Budget
from imagekit.model.sizes import parse_size, size
from imagekit.project.config_table import Table

KEYS = ("compressed", "growth", "unzipped")

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_UNIT = re.compile(r"[A-Za-z]")


def read_budget(table: Table) -> Budget | None:
    """The table `budget`; None where there is none, or none that can be read."""
    own = table.table("budget")
    if own is None:
        return None
    own.only(KEYS)
    growth = own.values.get("growth")
    percent = _PERCENT.fullmatch(growth.strip()) if isinstance(growth, str) else None
    return Budget(
        unzipped_bytes=_size(own, "unzipped"),
        compressed_bytes=_size(own, "compressed"),
        growth_bytes=None if percent else _size(own, "growth", zero=True),
        growth_percent=float(percent[1]) if percent else None,
    )


def _size(table: Table, key: str, *, zero: bool = False) -> int | None:
    value = table.values.get(key)
    example = "5 %" if zero else "200 MB"
    if isinstance(value, int | float) and not isinstance(value, bool):
        least = 0 if zero else 1
        if isfinite(value) and value >= least:
            table.problem(key, f"{value} has no unit", f'write `{key} = "{size(int(value))}"`')
        else:
            table.problem(key, f"{value} is not a size", f'write `{key} = "{example}"`')
        return None
    text = table.text(key)
    if text is None:
        return None
    try:
        found = parse_size(text)
    except ValueError:
        table.problem(key, f"{text!r} is not a size", f'write `{key} = "{example}"`')
        return None
    if found and not _UNIT.search(text):
        table.problem(key, f"{text!r} has no unit", f'write `{key} = "{text.strip()} MB"`')
        return None
    if not found and not zero:
        table.problem(key, "must be more than nothing", f'write `{key} = "{example}"`')
        return None
    return found
