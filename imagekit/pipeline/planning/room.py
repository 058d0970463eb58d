"""Whether a ZIP has room for its bytecode, foreseen from the sizes of its sources."""

from __future__ import annotations

from collections.abc import Sequence

from imagekit.contents.facts import wheel_facts
from imagekit.model.digest import Digest
from imagekit.model.package import Package
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.packaging import (
    bytecode_bytes,
    crowded_out,
    most_bytecode_bytes,
    source_size,
)
from imagekit.plan.weights import source_bytes as layer_source_bytes
from imagekit.store import Store

_KIND = "sources-2"


def foreseen_without_bytecode(plan: BuildPlan, store: Store) -> tuple[str, ...]:
    """Names of the layers whose bytecode will hardly fit below the limit; measured packages only.

    Sources are weighed only where all of them together could be too much: most ZIPs are far below.
    """
    most = plan.unzipped_bytes + most_bytecode_bytes(plan.unzipped_bytes, plan.target.python)
    if plan.bytecode is None or most < plan.limit_bytes:
        return ()
    weights = source_bytes(plan.packages, store)
    sizes = [(layer.name, layer_source_bytes(layer, weights)) for layer in plan.layers]
    compiled = [(name, bytecode_bytes(size, plan.target.python)) for name, size in sizes]
    return crowded_out(plan.unzipped_bytes, compiled, plan.limit_bytes)


def sources_of(plan: BuildPlan, store: Store) -> dict[str, int]:
    """Bytes of Python by recipe, of all packages of a plan that were measured."""
    found: dict[str, int] = {}
    for packages in filter(None, (plan.packages, plan.client)):
        found |= source_bytes(packages, store)
    return found


def source_bytes(packages: Sequence[Package], store: Store) -> dict[str, int]:
    """Bytes of Python sources by a package's recipe, as `source_size` counts them; one small
    record for all of them."""
    wheels = sorted(package.recipe for package in packages)
    key = Digest.of("\n".join(wheels).encode()).hex
    match store.record(_KIND, key):
        case {"bytes": dict(known)}:
            return {str(wheel): int(size) for wheel, size in known.items()}
    found: dict[str, int] = {}
    for package in packages:
        if facts := wheel_facts(package, store):
            sources = (source_size(file.path, file.size_bytes) for file in facts.files)
            found[package.recipe] = sum(sources)
    if len(found) == len(wheels):
        store.put_record(_KIND, key, {"bytes": found})
    return found
