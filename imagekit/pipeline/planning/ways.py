"""Ways to make a ZIP smaller, from packages that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from imagekit.contents.facts import wheel_facts
from imagekit.model.advice import Way
from imagekit.model.budget import Grown
from imagekit.model.package import Package
from imagekit.model.slim import SlimSettings
from imagekit.model.target import Architecture
from imagekit.pipeline.last_build import last_build
from imagekit.plan.advice import Contents, wanted_files, ways
from imagekit.plan.budget import Weighed, grown
from imagekit.plan.packaging import ZIP_LIMIT_BYTES
from imagekit.store import Store


def zip_ways(
    store: Store,
    packages: Sequence[Package],
    weights: Mapping[str, int],
    source_bytes: int,
    slim: SlimSettings,
) -> tuple[Way, ...]:
    """What would make a ZIP of these packages smaller; of those that were measured."""
    files = {
        package.name: [(file.path, file.size_bytes) for file in facts.files]
        for package in wanted_files(packages, slim)
        if (facts := wheel_facts(package, store))
    }
    contents = Contents(
        packages=packages,
        weights=weights,
        files=files,
        source_bytes=source_bytes,
        limit_bytes=ZIP_LIMIT_BYTES,
    )
    return ways(contents, slim)


def grown_since(
    store: Store,
    where: tuple[Path, str, Architecture],
    packages: Sequence[Package],
    weights: Mapping[str, int],
    source_bytes: int,
) -> tuple[Grown, ...]:
    """What grew since the last build on this machine; nothing where there was none. `where` is the
    project's folder, the function and the architecture."""
    last = last_build(store, *where)
    if last is None or not last.weights:
        return ()
    now = Weighed(
        packages=dict(weights),
        versions={package.name: package.version for package in packages},
        source_bytes=source_bytes,
    )
    before = Weighed(packages=last.weights, versions=last.packages, source_bytes=last.source_bytes)
    return grown(now, before)
