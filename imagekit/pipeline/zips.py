"""A plan becomes a ZIP in the store, made unless it is there, and checked when it was made."""

from __future__ import annotations

from imagekit.bundle.build import MadeZip, make_zip
from imagekit.bundle.layered import make_layered
from imagekit.check.archive import check_zip
from imagekit.check.opened import OpenZip
from imagekit.pipeline.checking import require
from imagekit.pipeline.layers import compiling
from imagekit.pipeline.packages import Packages, bring, path_of
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan


def make_checked(workshop: Workshop, packages: Packages, plan: BuildPlan) -> MadeZip:
    """The ZIP; raises BuildError, and ChecksFailed for what Lambda would refuse."""
    bring(workshop, plan.packages)
    maker = make_layered if plan.packaging == "zip-layers" else make_zip
    with compiling(packages) as compiler:
        made = maker(
            plan,
            workshop.store,
            lambda package: path_of(workshop, package),
            compiler(plan),
        )
    if made.new:
        _check(workshop, plan, made)
    return made


def _check(workshop: Workshop, plan: BuildPlan, made: MadeZip) -> None:
    require(
        check_zip(
            OpenZip(
                name=f"{plan.function}.zip",
                source=workshop.store.blob_path(made.digest),
                target=plan.target,
                handler=plan.handler,
                ours=True,
                rest=workshop.store.blob_path(made.rest.digest) if made.rest else None,
                layers=tuple(
                    workshop.store.blob_path(one.digest) for one in made.attached if one.digest
                ),
                attached_layer_bytes=plan.others_bytes,
            )
        )
    )
