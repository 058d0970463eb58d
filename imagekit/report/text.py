"""Values as words for a terminal, readable without colour."""

from __future__ import annotations


def seconds(duration: float) -> str:
    """`4.1 s`, `0.12 s`."""
    return f"{duration:.2g} s" if duration < 1 else f"{duration:.1f} s"


def percent(share: float) -> str:
    """`84 %`; what is more than nothing is at least `<1 %`."""
    return "<1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")
