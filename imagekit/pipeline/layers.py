"""Layers of all plans of one run: what the store lacks is fetched, compiled and made once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor

from imagekit.contents.trees import Compiler
from imagekit.engines.layers import LayerMaker, make_all, stored
from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.oci.budget import Budget
from imagekit.pipeline.packages import Packages, bring, path_of
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan, LayerPlan


def known_layers(workshop: Workshop, plans: Iterable[BuildPlan]) -> dict[Digest, LayerRecord]:
    """Records by fingerprint of the plans' layers that lie in the store."""
    return stored(workshop.store, (layer for plan in plans for layer in plan.layers))


def make_layers(
    workshop: Workshop, packages: Packages, plans: Iterable[BuildPlan]
) -> dict[Digest, LayerRecord]:
    """Records of every layer of every plan; those that were missing are made here, each once."""
    plans = tuple(plans)
    known = known_layers(workshop, plans)
    missing = {
        layer.fingerprint: (plan, layer)
        for plan in plans
        for layer in plan.layers
        if layer.fingerprint not in known
    }
    if not missing:
        return known
    layers = [layer for _, layer in missing.values()]
    bring(workshop, tuple(package for layer in layers for package in layer.packages))
    total = sum(layer.unzipped_bytes for layer in layers)
    with workshop.console.meter("making layers", total) as meter:
        return known | _make(workshop, packages, list(missing.values()), meter)


def _make(
    workshop: Workshop,
    packages: Packages,
    missing: list[tuple[BuildPlan, LayerPlan]],
    done: Callable[[int], None],
) -> dict[Digest, LayerRecord]:
    budget = Budget()
    # Compiling has a pool of its own: a layer that waits for its pieces must not hold their place.
    compiling = ThreadPoolExecutor(os.cpu_count())

    def maker(plan: BuildPlan) -> LayerMaker:
        return LayerMaker(
            store=workshop.store,
            wheel_path=lambda package: path_of(workshop, package),
            compiler=compiler(packages, plan, compiling),
            target=plan.target,
            budget=budget,
        )

    try:
        return make_all(
            [(maker(plan), layer) for plan, layer in missing],
            done,
        )
    finally:
        compiling.shutdown(wait=False, cancel_futures=True)


def compiler(packages: Packages, plan: BuildPlan, pool: Executor) -> Compiler | None:
    """Who compiles this plan's bytecode."""
    interpreter = packages.interpreter_of(plan)
    return Compiler(interpreter=interpreter, pool=pool) if interpreter else None
