"""Sizes in words."""

from __future__ import annotations


def size(size_bytes: int) -> str:
    """Decimal, as Lambda's own limits are written: `421 MB`, `12.3 kB`."""
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 99.5 or unit == "B" else f"{value:.3g} {unit}"
