"""Sizes in words."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", re.IGNORECASE)


def size(size_bytes: int) -> str:
    """Decimal, as Lambda's own limits are written: `421 MB`, `12.3 kB`."""
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 99.5 or unit == "B" else f"{value:.3g} {unit}"


def parse_size(text: str) -> int:
    """Bytes of `10GB`, `1.5 GiB`, `800 MB` or `4096`; ValueError for anything else."""
    match = _SIZE.fullmatch(text.strip())
    factor = (_UNITS | _BINARY).get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"not a size: {text!r}")
    return int(float(match[1]) * factor)
