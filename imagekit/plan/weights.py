"""What each layer of a plan weighs in its artefact, bytecode included. Pure.

Of bytecode that was not compiled yet it is an estimate; of a ZIP near its limit, what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.packaging import bytecode_bytes, fitting, source_size


class Weights(Struct, frozen=True, kw_only=True):
    """Unzipped bytes."""

    layers: tuple[int, ...]
    """Of each layer, in the plan's order."""
    added_bytes: int = 0
    """What imagekit puts into a ZIP beside them: the loader, or what tells of Lambda layers."""
    foreseen_bytes: int = 0
    """Of all this, bytecode that was not compiled yet: an estimate."""


def plain_weights(plan: BuildPlan, records: Mapping[Digest, LayerRecord]) -> Weights:
    """Of layers with a record, what it says; of all others, without bytecode."""
    found = ((layer, records.get(layer.fingerprint)) for layer in plan.layers)
    return Weights(
        layers=tuple(one.unzipped_bytes if one else layer.unzipped_bytes for layer, one in found)
    )


def foreseen_weights(
    plan: BuildPlan,
    sources: Mapping[str, int],
    records: Mapping[Digest, LayerRecord],
    added_bytes: int = 0,
) -> Weights:
    """With bytecode as far as sizes foretell it.

    `sources` has bytes of Python by a package's recipe, `records` what is known of made layers.
    """
    plain = plain_weights(plan, records)
    compiled = {
        layer.name: bytecode_bytes(source_bytes(layer, sources), plan.target.python)
        for layer in plan.layers
        if plan.bytecode is not None and layer.fingerprint not in records
    }
    if plan.packaging != "image":
        compiled |= _kept(plan, compiled, added_bytes)
    layers = zip(plan.layers, plain.layers, strict=True)
    return Weights(
        layers=tuple(size_bytes + compiled.get(layer.name, 0) for layer, size_bytes in layers),
        added_bytes=added_bytes,
        foreseen_bytes=sum(compiled.get(one.name, 0) for one in plan.layers if _counts(plan, one)),
    )


def source_bytes(layer: LayerPlan, sources: Mapping[str, int]) -> int:
    """Bytes of Python in a layer, as `source_size` counts them."""
    own = (source_size(file.path, file.size_bytes) for file in layer.files or ())
    return sum(own) + sum(sources.get(package.recipe, 0) for package in layer.packages)


def counted_bytes(plan: BuildPlan, weights: Weights) -> int:
    """All that counts against the limit: of what is unpacked at start, the archive in the ZIP."""
    base = plan.base.facts.unzipped_bytes if plan.base else 0
    below = base + sum(one.facts.unzipped_bytes for one in plan.extensions) + plan.others_bytes
    layers = zip(plan.layers, weights.layers, strict=True)
    stay = sum(size_bytes for layer, size_bytes in layers if _counts(plan, layer))
    return below + stay + _archive_bytes(plan) + weights.added_bytes


def shared(total: int, by: Mapping[str, int]) -> dict[str, int]:
    """So many bytes by these weights; what division leaves goes to the heaviest."""
    in_all = sum(by.values())
    if not in_all:
        return dict.fromkeys(by, 0)
    found = {name: size * total // in_all for name, size in by.items()}
    heaviest = max(by, key=lambda name: by[name])
    return found | {heaviest: found[heaviest] + total - sum(found.values())}


def _kept(plan: BuildPlan, compiled: Mapping[str, int], added_bytes: int) -> dict[str, int]:
    """Of a ZIP's bytecode what will be below the limit: of parts that lose some, their share of
    the room that the others leave."""
    room = max(plan.limit_bytes - 1 - added_bytes - counted_bytes(plan, plain_weights(plan, {})), 0)
    counted = [(one.name, compiled.get(one.name, 0)) for one in plan.layers if _counts(plan, one)]
    if sum(size_bytes for _, size_bytes in counted) <= room:
        return {}
    whole = fitting(0, counted, room + 1)
    cut = {name: size_bytes for name, size_bytes in counted if name not in whole}
    return shared(room - sum(compiled.get(name, 0) for name in whole), cut)


def _counts(plan: BuildPlan, layer: LayerPlan) -> bool:
    """Whether it counts by itself: not what is unpacked at start."""
    return plan.unpacks is None or layer.name not in plan.unpacks.layers


def _archive_bytes(plan: BuildPlan) -> int:
    """What is unpacked at start lies compressed in the ZIP, unless in a bucket."""
    return 0 if plan.unpacks is None or plan.unpacks.bucket else plan.unpacks.packed_bytes
