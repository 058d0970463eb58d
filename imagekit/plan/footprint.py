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
from imagekit.plan.packaging import source_size
from imagekit.plan.weights import Weights, shared

SOURCE = "source"
ADDED = "imagekit's own"


class Known(Struct, frozen=True, kw_only=True):
    """What was measured of a plan's packages, and made of its layers."""

    categories: Mapping[str, Tally]
    """By package name; none of a package that was not measured so."""
    sources: Mapping[str, int]
    """Bytes of Python sources by a package's recipe, as `source_size` counts them."""
    records: Mapping[Digest, LayerRecord]
    """Of layers that were made, by fingerprint: their bytecode is known."""


def plan_footprint(plan: BuildPlan, known: Known, weights: Weights) -> Footprint:
    """What a build of the plan would make, each layer as heavy as `weights` says."""
    layers = [
        _layer(plan, layer, known, size_bytes)
        for layer, size_bytes in zip(plan.layers, weights.layers, strict=True)
    ]
    if weights.added_bytes:
        own = LayerFootprint(name=ADDED, kind="source", uncounted_bytes=weights.added_bytes)
        layers.append(own)
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
        estimated=("bytecode",) if weights.foreseen_bytes else (),
    )


def _base(base: Base) -> LayerFootprint:
    return LayerFootprint(
        name="base",
        kind="base",
        uncounted_bytes=base.facts.unzipped_bytes,
        size_bytes=sum(layer.size_bytes for layer in base.layers),
    )


def _layer(plan: BuildPlan, layer: LayerPlan, known: Known, size_bytes: int) -> LayerFootprint:
    record = known.records.get(layer.fingerprint)
    packages = tuple(_packages(layer, known))
    counted = sum(one.amount.unzipped_bytes for one in packages)
    compiled = _bytecode(layer, known, size_bytes - layer.unzipped_bytes) if plan.bytecode else {}
    counted += sum(compiled.values())
    return LayerFootprint(
        name=layer.name,
        kind=layer.kind,
        packages=tuple(_with(one, Amount(compiled.get(one.name, 0))) for one in packages),
        digest=str(record.digest) if record else None,
        size_bytes=record.size_bytes if record else None,
        uncounted_bytes=max(0, size_bytes - counted),
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


def _bytecode(layer: LayerPlan, known: Known, made: int) -> dict[str, int]:
    """So many bytes by package, shared by the sizes of their sources."""
    sources = {one.name: known.sources.get(one.recipe, 0) for one in layer.packages}
    if layer.files is not None:
        own = (source_size(entry.path, entry.size_bytes) for entry in layer.files)
        sources[SOURCE] = sum(own)
    return shared(max(made, 0), {name: size for name, size in sources.items() if size})


def _with(package: PackageFootprint, bytecode: Amount) -> PackageFootprint:
    if bytecode == Amount():
        return package
    counted = together([package.categories, (("bytecode", bytecode),)])
    return PackageFootprint(
        name=package.name, version=package.version, own=package.own, categories=counted
    )
