"""Durations in words."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)", re.IGNORECASE)


def duration(milliseconds: float) -> str:
    """`0.4 ms`, `331 ms`, `1.06 s`."""
    if milliseconds >= 999.5:
        return f"{milliseconds / 1000:.3g} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 9.95 else f"{milliseconds:.1f} ms"


def parse_duration(text: str) -> float:
    """Milliseconds of `800ms` or `1.5 s`; ValueError for anything else, a bare number too."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a duration: {text!r}")
    return float(match[1]) * (1000 if match[2].lower() == "s" else 1)
