"""What a plan says beside its layers: what is in it, the budget, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imagekit.model.advice import Way
from imagekit.model.budget import Spent
from imagekit.model.footprint import WORDS, Footprint, Tally
from imagekit.model.sizes import size
from imagekit.report.text import percent

_WAYS = 4


def footprint_lines(footprint: Footprint) -> Iterator[str]:
    """By category, the heaviest first; what is foreseen is said to be about that much."""
    if footprint.categories:
        yield f"  holds     {categories_line(footprint.categories, footprint.estimated)}"


def categories_line(counted: Tally, estimated: Sequence[str] = (), shown: int = 7) -> str:
    """`shared libraries 231 MB, Python 42.1 MB`: the heaviest first; `about` what is foreseen."""
    ordered = sorted(counted, key=lambda one: -one[1].unzipped_bytes)
    words = (
        f"{WORDS[name]} {'about ' if name in estimated else ''}{size(amount.unzipped_bytes)}"
        for name, amount in ordered[:shown]
    )
    return ", ".join(words) + (", …" if len(ordered) > shown else "")


def spent_lines(spent: Sequence[Spent]) -> Iterator[str]:
    """A line for each limit of the budget: how much is used and left."""
    for one in spent:
        about = "about " if one.estimated else ""
        left = one.left_bytes
        rest = f"{size(left)} left" if left >= 0 else f"{size(-left)} too much"
        if one.key == "growth":
            used = f"{size(one.used_bytes)} more" if one.used_bytes >= 0 else "less"
            yield f"  budget    {used} than the last build; {size(one.limit_bytes)} allowed"
        else:
            share = percent(one.used_bytes / one.limit_bytes)
            yield (
                f"  budget    {one.key} {about}{size(one.used_bytes)} of "
                f"{size(one.limit_bytes)} ({share}); {rest}"
            )


def way_lines(ways: Sequence[Way]) -> Iterator[str]:
    """What would make a ZIP fit, each with what to write for it; those that do it come first."""
    for number, way in enumerate(ways[:_WAYS]):
        yield f"  {'smaller' if number == 0 else '':<8}  {_saves(way)}"
        if way.costs:
            yield f"            costs {way.costs}"
        yield from (f"              {line}" for line in way.write)


def _saves(way: Way) -> str:
    if way.saves_bytes is None:
        known = "" if way.fits else ": how much is known once it was built"
        return f"{way.what}{known}"
    verdict = "the ZIP fits" if way.fits else "the ZIP does not fit yet"
    return f"{way.what}: {size(way.saves_bytes)} less, {size(way.total_bytes or 0)}: {verdict}"
