"""What the page's charts show, as plain JSON; the script beside it only draws. Pure.

Names of keys are short: a flame chart has thousands of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from imagekit.model.footprint import WORDS, Footprint, LayerFootprint, PackageFootprint
from imagekit.model.startup import Import, ImportProfile, Spread, StartSeries

Json = dict[str, object]

_SMALLEST_SHARE: Final = 0.0005
"""Of all imports: what takes less is narrower than a pixel."""


def treemap(footprint: Footprint) -> list[Json]:
    """Layer → package → category, each with its bytes and files."""
    return [_layer(layer) for layer in footprint.layers if layer.amount.unzipped_bytes]


def _layer(layer: LayerFootprint) -> Json:
    children = [_package(one) for one in layer.packages if one.amount.unzipped_bytes]
    if layer.uncounted_bytes:
        children.append({"name": "not counted by file", "value": layer.uncounted_bytes})
    return {
        "name": layer.name,
        "value": layer.amount.unzipped_bytes,
        "files": layer.amount.files,
        "children": children,
    }


def _package(package: PackageFootprint) -> Json:
    return {
        "name": package.label,
        "value": package.amount.unzipped_bytes,
        "files": package.amount.files,
        "children": [
            {
                "name": WORDS[category],
                "category": category,
                "value": amount.unzipped_bytes,
                "files": amount.files,
            }
            for category, amount in package.categories
            if amount.unzipped_bytes
        ],
    }


def categories(footprint: Footprint) -> list[Json]:
    """Bytes and files of each category over the whole artefact."""
    return [
        {
            "category": category,
            "name": WORDS[category],
            "value": amount.unzipped_bytes,
            "files": amount.files,
        }
        for category, amount in footprint.categories
    ]


class Frame(Struct, frozen=True):
    """One bar of the flame chart, in µs from the first import."""

    start_us: int
    depth: int
    found: Import


def frames(imports: Sequence[Import]) -> Iterator[Frame]:
    """Every import where it lies: what it imported side by side on top of it, then its own time.

    `-X importtime` tells durations and no moments, so gaps between imports are closed.
    """
    starts: list[int] = []
    free: dict[int | None, int] = {None: 0}
    for place, found in enumerate(imports):
        start = free[found.parent]
        free[found.parent] = start + found.cumulative_us
        free[place] = start
        starts.append(start)
        yield Frame(start, found.depth, found)


def flame(profile: ImportProfile) -> list[Json]:
    """The frames that are wide enough to see, importers first."""
    least = profile.total_us * _SMALLEST_SHARE
    return [
        {
            "m": frame.found.module,
            "x": frame.start_us,
            "w": frame.found.cumulative_us,
            "s": frame.found.self_us,
            "d": frame.depth,
            "o": frame.found.owner.name if frame.found.owner else "not attributed",
            "k": frame.found.owner.kind if frame.found.owner else "none",
        }
        for frame in frames(profile.imports)
        if frame.found.cumulative_us >= least
    ]


def owners(profile: ImportProfile) -> list[Json]:
    """Own time by package, the heaviest first."""
    return [
        {"name": one.name, "kind": one.kind, "ms": one.self_us / 1000, "modules": one.modules}
        for one in profile.by_owner
    ]


def starts(series: Iterable[StartSeries]) -> list[Json]:
    """Each series as a box, and every start as a point."""
    return [
        {
            "name": one.artefact,
            "packaging": one.packaging,
            "where": one.where,
            "bytecode": one.bytecode,
            "size_bytes": one.size_bytes,
            "ready": _box(one.start_ms),
            "answer": _box(one.first_answer_ms),
            "memory": _box(one.memory_bytes),
            "points": [
                {"batch": start.batch, "ready": start.start_ms, "answer": start.first_answer_ms}
                for start in one.starts
            ],
        }
        for one in series
    ]


def _box(spread: Spread | None) -> list[float] | None:
    """Least, lower quartile, median, upper quartile, most: as boxplots take them."""
    if spread is None:
        return None
    return [
        spread.least,
        spread.lower_quartile,
        spread.median,
        spread.upper_quartile,
        spread.most,
    ]
