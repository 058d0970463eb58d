"""A function's base alone, with a runtime client: what stands in for Lambda's managed runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from imagekit.engines.oci import image_of
from imagekit.local.sandbox import Sandbox
from imagekit.model.target import Architecture, Target
from imagekit.pipeline.docker.loading import into_engine, local_name
from imagekit.pipeline.layers import make_layers
from imagekit.pipeline.packages import weigh
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan, LayerPlan, client_layer, image_settings
from imagekit.plan.packaging import IMAGE_LIMIT_BYTES
from imagekit.project.config import FunctionConfig

if TYPE_CHECKING:
    from imagekit.daemon.engine import Engine


def bare_image(
    workshop: Workshop,
    engine: Engine,
    function: FunctionConfig,
    architecture: Architecture,
    request: Request,
    layers: tuple[LayerPlan, ...] = (),
) -> Sandbox:
    """Have the engine hold the function's base, a client if it needs one, and `layers`.

    `imagekit.lock` stays as it is: it pins no base for what is a ZIP.
    """
    # Written nowhere: what is not pinned is looked up.
    loose = replace(request, functions=(function.name,), lock_mode="write")
    session = Session.open(workshop, loose)
    plan = _plan(session, function, architecture, layers)
    made = make_layers(
        workshop, session.packages, (plan,), lambda record: None, PreviousImages.none(workshop)
    )
    image = image_of(plan, made.records, workshop.store, origins=made.origins)
    name = local_name(function.name)
    found = plan.base.facts.interpreter if plan.base else None
    return Sandbox(
        image=into_engine(workshop, engine, image, name),
        interpreter=found,
        managed=plan.target.runtime,
    )


def _plan(
    session: Session,
    function: FunctionConfig,
    architecture: Architecture,
    layers: tuple[LayerPlan, ...],
) -> BuildPlan:
    planner, packages = session.planner, session.packages
    python = planner.python(function)
    base = planner.bases.pinned(function.base or f"python{python}", architecture)
    bytecode = packages.interpreter(python, base).version if function.bytecode else None
    adds_client = not base.facts.runtime_client
    client = _client(session, base.target(architecture), bytecode) if adds_client else ()
    settings = image_settings(base, function.handler, (), adds_client=adds_client)
    return BuildPlan(
        function=function.name,
        handler=function.handler,
        target=base.target(architecture),
        packaging="image",
        why="",
        base=base,
        bytecode=bytecode,
        layers=(*client, *layers),
        settings=settings,
        limit_bytes=IMAGE_LIMIT_BYTES,
    )


def _client(session: Session, target: Target, bytecode: str | None) -> tuple[LayerPlan, ...]:
    found = session.packages.client(target)
    return (client_layer(found, weigh(session.workshop, found), bytecode),)
