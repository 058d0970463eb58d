"""What an artefact is made without, in words."""

from __future__ import annotations

from collections.abc import Iterator

from imagekit.model.sizes import size
from imagekit.model.slim import Slimmed

_NAMED = 4
"""Reasons named in a line; the rest are added up."""


def slim_lines(slim: Slimmed) -> Iterator[str]:
    """One line of what was left out by reason, one of the packages that were; none for nothing."""
    if slim.saved:
        named = [f"{one.reason} {size(one.unzipped_bytes)}" for one in slim.saved[:_NAMED]]
        if more := sum(one.unzipped_bytes for one in slim.saved[_NAMED:]):
            named.append(f"other {size(more)}")
        yield f"  slim      {slim.profile}: {size(slim.unzipped_bytes)} less ({', '.join(named)})"
    if slim.left_out:
        without = ", ".join(f"{one.package} ({one.why})" for one in slim.left_out)
        yield f"  without   {without}"
