"""A budget that a build would break, in words: the limits, then what grew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imagekit.model.budget import Grown, Overrun, Spent
from imagekit.model.sizes import size


def budget_lines(overruns: Sequence[Overrun]) -> Iterator[str]:
    """A headline, then for each artefact the limits that it breaks and the packages that grew."""
    names = ", ".join(dict.fromkeys(one.function for one in overruns))
    several = len({one.function for one in overruns}) > 1
    yield f"{names} {'are' if several else 'is'} over {'their' if several else 'its'} budget"
    for overrun in overruns:
        where = f"{overrun.function} ({overrun.architecture})"
        yield from (f"{where}: {_limit(one)}" for one in overrun.spent)
        if overrun.grown:
            since = "since the last build" if overrun.compared else "the heaviest"
            yield f"{where}: {since}: {grown_words(overrun.grown)}"
        elif overrun.compared:
            yield f"{where}: no package grew since the last build"


def grown_words(grown: Sequence[Grown]) -> str:
    """`pyarrow 26.0.1 12 MB more (159 MB → 171 MB)`, for each."""
    return ", ".join(map(_grown, grown))


def _limit(spent: Spent) -> str:
    over = size(-spent.left_bytes)
    used = f"{'about ' if spent.estimated else ''}{size(spent.used_bytes)}"
    return f"{spent.key} {used} of {size(spent.limit_bytes)} ({over} too much)"


def _grown(one: Grown) -> str:
    if one.before_bytes is None:
        return f"{one.label} {size(one.after_bytes)}"
    return (
        f"{one.label} {size(one.more_bytes)} more "
        f"({size(one.before_bytes)} → {size(one.after_bytes)})"
    )
