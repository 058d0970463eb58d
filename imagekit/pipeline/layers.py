"""Layers of all plans of one run: what the store lacks is fetched, compiled and made once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord, NewLayer
from imagekit.model.reference import Reference
from imagekit.oci.layer import read_record
from imagekit.pipeline.packages import Packages, bring, path_of
from imagekit.pipeline.pushing.layer_shelf import LayerOrigins
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan

if TYPE_CHECKING:
    from imagekit.contents.trees import Compiler
    from imagekit.engines.layers import LayerMaker


class MadeLayers(Struct, frozen=True):
    """Layers by fingerprint; those with an origin lie in a registry alone."""

    records: Mapping[Digest, LayerRecord]
    origins: Mapping[Digest, Reference]


def known_layers(workshop: Workshop, plans: Iterable[BuildPlan]) -> dict[Digest, LayerRecord]:
    """Records by fingerprint of the plans' layers that lie in the store."""
    layers = (layer for plan in plans for layer in plan.layers)
    found = {one.fingerprint: read_record(workshop.store, one.fingerprint) for one in layers}
    return {fingerprint: record for fingerprint, record in found.items() if record is not None}


def make_layers(
    workshop: Workshop,
    packages: Packages,
    plans: Sequence[BuildPlan],
    layer_made: Callable[[NewLayer], None],
    previous: PreviousImages,
) -> MadeLayers:
    """Every layer of every plan; those that neither the store nor a registry has are made here,
    each once."""
    there = layers_there(workshop, plans, previous)
    known, origins = there.records, there.origins
    missing = {
        layer.fingerprint: (plan, layer)
        for plan in plans
        for layer in plan.layers
        if layer.fingerprint not in known
    }
    if not missing:
        return MadeLayers(known, origins)
    from imagekit.engines.layers import make_all

    workshop.store.sweep()
    layers = [layer for _, layer in missing.values()]
    bring(workshop, tuple(package for layer in layers for package in layer.packages))
    total = sum(layer.unzipped_bytes for layer in layers)
    with workshop.console.meter("making layers", total) as meter, compiling(packages) as compiler:
        maker = _makers(workshop, compiler)
        jobs = [(maker(plan), layer) for plan, layer in missing.values()]
        return MadeLayers({**known, **make_all(jobs, meter, layer_made)}, origins)


def layers_there(
    workshop: Workshop,
    plans: Sequence[BuildPlan],
    previous: PreviousImages,
    *,
    source: bool = False,
) -> MadeLayers:
    """What the store or a registry has of the plans' layers; nothing is made.

    The source changes, and is made rather than looked for; `source` asks for it, too.
    """
    known = known_layers(workshop, plans)
    reused = _reused(previous, plans, known, source=source)
    known |= {fingerprint: record for fingerprint, (record, _) in reused.items()}
    return MadeLayers(known, {fingerprint: origin for fingerprint, (_, origin) in reused.items()})


def _reused(
    previous: PreviousImages,
    plans: Sequence[BuildPlan],
    known: Mapping[Digest, LayerRecord],
    *,
    source: bool,
) -> LayerOrigins:
    """What is not here, and a registry has."""
    found: LayerOrigins = {}
    for plan in plans:
        wanted = [
            layer.fingerprint
            for layer in plan.layers
            if (source or layer.kind != "source") and layer.fingerprint not in known
        ]
        found |= previous.layers(plan.function, plan.target.architecture, wanted)
    return found


@contextmanager
def compiling(packages: Packages) -> Iterator[Callable[[BuildPlan], Compiler | None]]:
    """Gives who compiles a plan's bytecode; None where it ships none.

    Compiling has a pool of its own: a layer that waits for its pieces must not hold their place.
    """
    from concurrent.futures import ThreadPoolExecutor

    from imagekit.contents.trees import Compiler

    pool = ThreadPoolExecutor(os.cpu_count())

    def compiler(plan: BuildPlan) -> Compiler | None:
        interpreter = packages.interpreter_of(plan)
        return Compiler(interpreter=interpreter, pool=pool) if interpreter else None

    try:
        yield compiler
    finally:
        # Not waited for: after Ctrl-C or an error nothing that is still under way matters.
        pool.shutdown(wait=False, cancel_futures=True)


def _makers(
    workshop: Workshop, compiler: Callable[[BuildPlan], Compiler | None]
) -> Callable[[BuildPlan], LayerMaker]:
    from imagekit.engines.layers import LayerMaker
    from imagekit.oci.budget import Budget

    budget = Budget()

    def maker(plan: BuildPlan) -> LayerMaker:
        return LayerMaker(
            store=workshop.store,
            wheel_path=lambda package: path_of(workshop, package),
            compiler=compiler(plan),
            target=plan.target,
            budget=budget,
        )

    return maker
