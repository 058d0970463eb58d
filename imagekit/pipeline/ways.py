"""Ways to make a ZIP smaller, from packages that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imagekit.contents.facts import wheel_facts
from imagekit.model.advice import Way
from imagekit.model.package import Package
from imagekit.model.slim import SlimSettings
from imagekit.plan.advice import Contents, wanted_files, ways
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
