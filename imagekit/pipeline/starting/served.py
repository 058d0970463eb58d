"""One function for `serve`: its package layers in the engine, its source in a mounted folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit.contents.facts import wheel_facts
from imagekit.daemon.running import Mount
from imagekit.engines.oci import image_of
from imagekit.local.sandbox import TASK_ROOT, Sandbox
from imagekit.local.staging import lay_out, mount_points
from imagekit.model.digest import Digest
from imagekit.model.tree import Tree
from imagekit.pipeline.docker.loading import into_engine, local_name
from imagekit.pipeline.layers import make_layers
from imagekit.pipeline.make import By, make
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.session import Session
from imagekit.pipeline.starting.bare import bare_image
from imagekit.pipeline.starting.runnable import likeliest
from imagekit.pipeline.starting.wish import Wish, settled
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.recipe import source_fingerprint
from imagekit.project import locks
from imagekit.project.config import FunctionConfig
from imagekit.project.source import source_tree, watched

if TYPE_CHECKING:
    from imagekit.daemon.engine import Engine


class Prepared(Struct, frozen=True, kw_only=True):
    """What serves a function until its configuration or its lock changes."""

    function: FunctionConfig
    sandbox: Sandbox
    """Without the mounts of the source."""
    package_files: frozenset[str]
    """Relative to `/var/task`: what the source must not hide."""
    architecture: str
    """As OCI spells it."""
    settings: tuple[str, ...]
    """Files that, changed, ask for all of this again."""

    def source(self) -> Source:
        """As it is now. ConfigError where it cannot be used."""
        return Source.of(source_tree(self.function))

    def watched(self) -> frozenset[str]:
        """Files and folders of the source."""
        return watched(self.function)

    def mounting(self, source: Source, folder: Path) -> Sandbox:
        """The sandbox with the source of `folder` over its image."""
        mounts = tuple(
            Mount(source=str(folder / path), target=f"{TASK_ROOT}/{path}")
            for path in self.points(source)
        )
        return replace(self.sandbox, mounts=mounts)

    def points(self, source: Source) -> tuple[str, ...]:
        """What has to be mounted."""
        return mount_points((entry.path for entry in source.tree), self.package_files)


class Source(Struct, frozen=True):
    """The project's own files at one moment."""

    tree: Tree
    digest: Digest

    @classmethod
    def of(cls, tree: Tree) -> Source:
        """Read them all."""
        return cls(tree, source_fingerprint(tree, root=TASK_ROOT, bytecode=None))

    def lay_out(self, folder: Path) -> None:
        """Have `folder` hold them."""
        lay_out(self.tree, folder)


def prepare(workshop: Workshop, engine: Engine, function: FunctionConfig, wish: Wish) -> Prepared:
    """Build what is below the source, and have the engine hold it. What building raises."""
    architecture = wish.request.architecture or likeliest(function, engine)
    request = replace(wish.request, functions=(function.name,), architecture=architecture)
    session = Session.open(workshop, request)
    (plan,) = session.plans()
    session.decisions.save()
    below = tuple(layer for layer in plan.layers if layer.kind != "source")
    if plan.packaging == "image":
        sandbox = _image(workshop, engine, session, plan, below)
    else:
        sandbox = bare_image(workshop, engine, function, architecture, request, below)
    sandbox = replace(sandbox, function=function.name, handler=function.handler)
    current = session.function(plan)
    lock = locks.find(current, session.project.root).path
    return Prepared(
        function=current,
        sandbox=settled(workshop, engine, sandbox, current, wish),
        package_files=frozenset(_files(workshop, plan)),
        architecture=plan.target.oci_architecture,
        settings=(str(session.project.path), str(current.root / "pyproject.toml"), str(lock)),
    )


def _image(
    workshop: Workshop,
    engine: Engine,
    session: Session,
    plan: BuildPlan,
    below: tuple[LayerPlan, ...],
) -> Sandbox:
    nothing_before = PreviousImages.none(workshop)
    interpreter = plan.base.facts.interpreter if plan.base else None
    if plan.steps.asked:
        # Docker's own image is whole; what is mounted lies over its copy of the source.
        (made,) = make(
            workshop, session.packages, (plan,), by=By(keep=True), previous=nothing_before
        )
        return Sandbox(image=str(made.image_id), interpreter=interpreter)
    alone = replace(plan, layers=below)
    layers = make_layers(workshop, session.packages, (alone,), lambda record: None, nothing_before)
    image = image_of(alone, layers.records, workshop.store, origins=layers.origins)
    name = local_name(plan.function)
    return Sandbox(image=into_engine(workshop, engine, image, name), interpreter=interpreter)


def _files(workshop: Workshop, plan: BuildPlan) -> set[str]:
    found: set[str] = set()
    for package in plan.packages:
        if facts := wheel_facts(package, workshop.store):
            found.update(file.path for file in facts.files)
    return found
