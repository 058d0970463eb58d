"""Values as words for a terminal, readable without colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagekit.model.sizes import size

if TYPE_CHECKING:
    from imagekit.model.footprint import Limit  # each build imports this file, few show limits


def seconds(duration: float) -> str:
    """`4.1 s`, `0.12 s`."""
    return f"{duration:.2g} s" if duration < 1 else f"{duration:.1f} s"


def percent(share: float) -> str:
    """`84 %`; what is more than nothing is at least `<1 %`."""
    return "<1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


def used_of(limit: Limit) -> str:
    """`421 MB of 10.7 GB`, `23 of 127`."""
    if limit.bytes:
        return f"{size(limit.used)} of {size(limit.limit)}"
    return f"{limit.used} of {limit.limit}"
