"""What deployed functions run, as images before: where tags are immutable, the newest (decision 4).

For commands that deploy: they talk to AWS anyway. One GetFunction for each function and stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from imagekit.model.function import FunctionState
from imagekit.model.reference import Reference
from imagekit.pipeline.deploying.places import Spot
from imagekit.pipeline.deploying.stages import naming
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.config import FunctionConfig


class Running(Struct, frozen=True, kw_only=True):
    """What Lambda had at the beginning of one release. Safe to use from threads."""

    spots: Sequence[Spot]
    _found: dict[tuple[str | None, str], FunctionState | None] = field(default_factory=dict)

    def __call__(self, function: FunctionConfig) -> Iterator[Reference]:
        """The image of each stage's function, by digest. Raises RemoteError."""
        for spot in self.spots:
            found = self.at(spot) if spot.function.name == function.name else None
            if found is not None and found.image is not None:
                yield Reference.parse(found.image)

    def at(self, spot: Spot) -> FunctionState | None:
        """The function; None where there is none. Raises RemoteError."""
        key = spot.stage_name, spot.name
        if key not in self._found:
            with naming(spot.stage):
                self._found[key] = spot.place.functions.get(spot.name)
        return self._found[key]

    def fitting(self, spot: Spot, plans: Sequence[BuildPlan]) -> BuildPlan:
        """The plan of what is deployed there: of several architectures, the function's own."""
        there = self.at(spot)
        mine = [plan for plan in plans if plan.function == spot.function.name]
        fits = (plan for plan in mine if there and plan.target.architecture == there.architecture)
        return next(fits, mine[0])
