"""A plan as a footprint: by category from the wheels' directories, bytecode foreseen. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.footprint import (
    Amount,
    Footprint,
    LayerFootprint,
    PackageFootprint,
    Tally,
    tally,
    together,
)
from imagekit.model.image import LayerRecord
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.packaging import bytecode_bytes, source_size

SOURCE = "source"


class Known(Struct, frozen=True, kw_only=True):
    """What was measured of a plan's packages, and made of its layers."""

    categories: Mapping[str, Tally]
    """By package name; none of a package that was not measured so."""
    sources: Mapping[str, int]
    """Bytes of Python sources by package name, as `source_size` counts them."""
    records: Mapping[Digest, LayerRecord]
    """Of layers that were made, by fingerprint: their bytecode is known."""


def plan_footprint(plan: BuildPlan, known: Known) -> Footprint:
    """What a build of the plan would make."""
    layers = tuple(_layer(plan, layer, known) for layer in plan.layers)
    compiled = plan.bytecode is not None
    foreseen = compiled and any(layer.fingerprint not in known.records for layer in plan.layers)
    extensions = (
        LayerFootprint(
            name=one.reference, kind="extension", uncounted_bytes=one.facts.unzipped_bytes
        )
        for one in plan.extensions
    )
    return Footprint(
        name=plan.function,
        packaging=plan.packaging,
        limit_bytes=plan.limit_bytes,
        layers=(*([_base(plan.base)] if plan.base else []), *extensions, *layers),
        estimated=("bytecode",) if foreseen else (),
    )


def _base(base: Base) -> LayerFootprint:
    return LayerFootprint(
        name="base",
        kind="base",
        uncounted_bytes=base.facts.unzipped_bytes,
        size_bytes=sum(layer.size_bytes for layer in base.layers),
    )


def _layer(plan: BuildPlan, layer: LayerPlan, known: Known) -> LayerFootprint:
    record = known.records.get(layer.fingerprint)
    packages = tuple(_packages(layer, known))
    counted = sum(one.amount.unzipped_bytes for one in packages)
    compiled = _bytecode(plan, layer, known, record)
    return LayerFootprint(
        name=layer.name,
        kind=layer.kind,
        packages=tuple(_with(one, compiled.get(one.name, Amount())) for one in packages),
        digest=str(record.digest) if record else None,
        size_bytes=record.size_bytes if record else None,
        uncounted_bytes=max(0, layer.unzipped_bytes - counted),
    )


def _packages(layer: LayerPlan, known: Known) -> Iterator[PackageFootprint]:
    for package in layer.packages:
        yield PackageFootprint(
            name=package.name,
            version=package.version,
            own=package.own,
            categories=known.categories.get(package.name, ()),
        )
    if layer.files is not None:
        files = ((entry.path, entry.size_bytes) for entry in layer.files)
        yield PackageFootprint(name=SOURCE, own=True, categories=tally(files, own=True))


def _bytecode(
    plan: BuildPlan, layer: LayerPlan, known: Known, record: LayerRecord | None
) -> dict[str, Amount]:
    """By package: what compiling its sources gives, in all as much as the layer that was made."""
    if plan.bytecode is None or layer.name in plan.without_bytecode:
        return {}
    sources = {one.name: known.sources.get(one.name, 0) for one in layer.packages}
    if layer.files is not None:
        own = (source_size(entry.path, entry.size_bytes) for entry in layer.files)
        sources[SOURCE] = sum(own)
    foreseen = {name: bytecode_bytes(size, plan.target.python) for name, size in sources.items()}
    made = record.unzipped_bytes - layer.unzipped_bytes if record else None
    in_all = sum(foreseen.values())
    if made is not None and made >= 0 and in_all:
        foreseen = _shared(made, foreseen, in_all)
    return {name: Amount(size) for name, size in foreseen.items() if size}


def _shared(made: int, by: Mapping[str, int], in_all: int) -> dict[str, int]:
    """So many bytes by these weights; what division leaves goes to the heaviest."""
    found = {name: size * made // in_all for name, size in by.items()}
    heaviest = max(by, key=lambda name: by[name])
    return found | {heaviest: found[heaviest] + made - sum(found.values())}


def _with(package: PackageFootprint, bytecode: Amount) -> PackageFootprint:
    if bytecode == Amount():
        return package
    counted = together([package.categories, (("bytecode", bytecode),)])
    return PackageFootprint(
        name=package.name, version=package.version, own=package.own, categories=counted
    )
