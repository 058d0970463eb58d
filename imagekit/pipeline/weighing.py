"""What an artefact weighs before it is made, and after: the same quantity (decision 8 aside)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imagekit.contents.facts import wheel_facts
from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.pipeline.planning.room import sources_of
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.weights import Weights, counted_bytes, foreseen_weights
from imagekit.store import Store

if TYPE_CHECKING:
    from imagekit.bundle.build import MadeZip


def weights_ahead(plan: BuildPlan, records: Mapping[Digest, LayerRecord], store: Store) -> Weights:
    """What is known of a plan without making it: bytecode from the sizes of sources."""
    return foreseen_weights(plan, sources_of(plan, store), records, _added_bytes(plan, store))


def _added_bytes(plan: BuildPlan, store: Store) -> int:
    """The loader and what it reads; what tells of Lambda layers."""
    if plan.attaches:
        from imagekit.bundle.layered import described_bytes

        return described_bytes(plan.attaches)
    if plan.unpacks is None or not plan.unpacks.layers:
        return 0
    from imagekit.bundle.foreseen import loader_bytes

    away = [layer for layer in plan.layers if layer.name in plan.unpacks.layers]
    facts = (wheel_facts(package, store) for layer in away for package in layer.packages)
    programs = (file.path for one in facts if one for file in one.files if file.executable)
    return loader_bytes(plan, plan.unpacks, programs)


def known_made(plan: BuildPlan, store: Store) -> MadeZip | None:
    """The ZIP of a plan, where the store has it."""
    from imagekit.bundle.build import known_zip
    from imagekit.bundle.layered import known_layered

    return (known_layered if plan.packaging == "zip-layers" else known_zip)(plan, store)


def as_made(plan: BuildPlan, made: MadeZip) -> tuple[BuildPlan, Weights]:
    """The plan with the sizes of what was unpacked or attached, and what all of it weighs."""
    if plan.unpacks is not None and made.rest is not None:
        sizes = {"packed_bytes": made.rest.size_bytes, "unpacked_bytes": made.rest.unpacked_bytes}
        plan = replace(plan, unpacks=replace(plan.unpacks, **sizes))
    plan = replace(plan, attaches=made.attached)
    weights = Weights(layers=made.layer_bytes)
    in_all = made.unzipped_bytes + sum(layer.unzipped_bytes for layer in made.attached)
    added = in_all + plan.others_bytes - counted_bytes(plan, weights)
    return plan, replace(weights, added_bytes=added)
