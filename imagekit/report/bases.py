"""Bases in words: what an upgrade moved."""

from __future__ import annotations

from collections.abc import Iterator

from imagekit.bases.compare import Difference, compare
from imagekit.bases.follow import parsed
from imagekit.model.base import BaseFacts
from imagekit.model.sizes import size
from imagekit.project.lock_values import BasePin

_NAMED = 8
"""Packages named in a line; the rest are counted."""


def move(before: BasePin, after: BasePin) -> str:
    """From one pin of a base to the next: `2026.11.18 → 2026.11.21: pandas 3.1.0→3.1.1`."""
    if before.digest == after.digest:
        return "has nothing newer"
    step = f"{_label(before)} → {_label(after)}"
    if _label(before) == _label(after):
        step = f"{before.digest.short} → {after.digest.short}"
    words = "; ".join(difference_words(compare(before.facts, after.facts)))
    return f"{step}: {words or 'the same packages'}"


def difference_words(found: Difference) -> Iterator[str]:
    """What differs, a kind at a time; nothing where all is the same."""
    if found.packages:
        more = len(found.packages) - _NAMED
        yield ", ".join(found.packages[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    for name, pair in (("Python", found.python), ("glibc", found.glibc)):
        if pair is not None:
            yield f"{name} {pair[0]}→{pair[1]}"
    if found.runtime_client is not None:
        yield f"{'brings' if found.runtime_client[1] else 'lacks'} a Lambda runtime client"
    if found.unzipped_bytes is not None:
        before, after = found.unzipped_bytes
        sign = "+" if after > before else "-"
        yield f"{size(after)} ({sign}{size(abs(after - before))})"


def facts_line(facts: BaseFacts) -> str:
    """`Python 3.13.5, glibc 2.41, 164 MB`."""
    return f"Python {facts.python}, glibc {facts.glibc}, {size(facts.unzipped_bytes)}"


def _label(pin: BasePin) -> str:
    reference = parsed(pin.reference)
    return (reference and reference.tag) or pin.digest.short
