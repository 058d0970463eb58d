"""What would change the verdict of a plan, as far as it is known without asking much."""

from __future__ import annotations

from collections.abc import Sequence

from imagekit.contents.measure import Weight, measure
from imagekit.model.advice import Way
from imagekit.model.errors import ImagekitError
from imagekit.model.package import Artifact, Package
from imagekit.model.target import Target
from imagekit.pipeline.planning.slimming import chosen
from imagekit.pipeline.planning.ways import zip_ways
from imagekit.pipeline.session import Session
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.packaging import NEAR, ZIP_LIMIT_BYTES
from imagekit.project.config import FunctionConfig

_REPACKAGE = "imagekit lock --repackage"


def advice(session: Session, plan: BuildPlan) -> tuple[Way, ...]:
    """Ways to a ZIP for an image that `auto` took for its size; ways out for a ZIP that is nearly
    full. None for what nobody weighed: extensions, system packages, what was asked for.
    """
    function = session.function(plan)
    if plan.packaging == "zip":
        if plan.unzipped_bytes < ZIP_LIMIT_BYTES * NEAR:
            return ()
        source = sum(layer.unzipped_bytes for layer in plan.layers if layer.kind == "source")
        weights = {one.name: one.unzipped_bytes for one in _measured(session, plan.packages)}
        return zip_ways(session.workshop.store, plan.packages, weights, source, function.slim)
    if plan.packaging != "image" or not _by_size(session, function, plan):
        return ()
    return _to_zip(session, function, plan)


def _by_size(session: Session, function: FunctionConfig, plan: BuildPlan) -> bool:
    asked = session.request.packaging or function.packaging
    return asked == "auto" and not (plan.extensions or plan.steps.asked)


def _to_zip(session: Session, function: FunctionConfig, plan: BuildPlan) -> tuple[Way, ...]:
    """From the packages that a ZIP would have: its glibc may take other wheels than the base's."""
    target = Target.managed(plan.target.python, plan.target.architecture)
    locked = session.packages.known(function, target)
    if locked is None:
        return ()
    wheels = [
        Package(name=one.name, version=one.version, wheel=one.origin)
        for one in locked
        if isinstance(one.origin, Artifact)
    ]
    if len(wheels) < len(locked):
        return ()  # something has to be built first, which a plan does not do for advice
    try:
        packages = chosen(wheels, function, None).packages
        weights = {one.name: one.unzipped_bytes for one in _measured(session, packages)}
    except ImagekitError:
        return ()
    source = sum(layer.unzipped_bytes for layer in plan.layers if layer.kind == "source")
    total = source + sum(weights.values())
    if total < ZIP_LIMIT_BYTES:
        return (
            Way(what="by now a ZIP would fit", write=(_REPACKAGE,), total_bytes=total, fits=True),
        )
    return zip_ways(session.workshop.store, packages, weights, source, function.slim)


def _measured(session: Session, packages: Sequence[Package]) -> tuple[Weight, ...]:
    workshop = session.workshop
    return measure(packages, workshop.store, workshop.index_transport).weights
