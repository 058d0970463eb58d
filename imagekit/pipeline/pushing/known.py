"""What a build starts from besides its disk: what the caller knows, and what registries have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.pipeline.pushing.destination import destination
from imagekit.pipeline.pushing.layer_shelf import Shelves
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.request import Outputs
from imagekit.pipeline.session import Session
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.config import FunctionConfig, ProjectConfig

if TYPE_CHECKING:
    from imagekit.registry.looks import Looks

Deployed = Callable[[FunctionConfig], Iterable[Reference]]
"""The images, by digest, that a function runs now, wherever it is deployed."""


class Known(Struct, frozen=True, kw_only=True):
    """What a command that does more than building has found out already."""

    project: ProjectConfig | None = None
    """The configuration; None: it is still to be read."""
    deployed: Deployed | None = None
    """None where AWS is not to be asked."""
    require: Callable[[Sequence[BuildPlan]], None] | None = None
    """Raises what speaks against plans that nothing was made of yet."""


NOTHING_KNOWN = Known()


class Cache(Struct, frozen=True, kw_only=True):
    """The registry as the layer cache of one run (decision 4), read and written."""

    previous: PreviousImages
    looks: Looks | None
    shelves: Shelves | None

    @classmethod
    def open(cls, session: Session, outputs: Outputs, deployed: Deployed | None) -> Cache:
        """Nothing is asked yet, and nothing at all where nothing is pushed."""
        workshop, project = session.workshop, session.project
        if not outputs.push:
            return cls(previous=PreviousImages.none(workshop), looks=None, shelves=None)
        from imagekit.registry.looks import Looks

        looks = Looks(workshop.registry)
        named = {one.name: one.layer_repository for one in project.functions}
        shelves = Shelves(
            workshop=workshop,
            named=named,
            settings=project.ecr,
            create=outputs.create or project.ecr.create,
        )
        previous = PreviousImages.none(workshop)
        if outputs.reuses:
            places = _Places(session=session, outputs=outputs, deployed=deployed)
            previous = PreviousImages(workshop, places, shelves, looks)
        return cls(previous=previous, looks=looks, shelves=shelves)


class _Places(Struct, frozen=True, kw_only=True):
    session: Session
    outputs: Outputs
    deployed: Deployed | None

    def __call__(self, name: str, architecture: Architecture) -> Iterator[Reference]:
        """The images before: those of the tags, then those that run."""
        session = self.session
        function = next(one for one in session.project.functions if one.name == name)
        home, several = session.workshop.home_registry, session.several(function)
        to = destination(function, architecture, self.outputs, several=several, home=home)
        yield from to.before
        for running in self.deployed(function) if self.deployed else ():
            # A promoted image is here under the same digest, and its blobs with it.
            if running.digest and running.name != to.repository.name:
                yield to.repository.at(running.digest)
            yield running
