"""Functions in their stages: under which name, with which settings, in whose account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from imagekit.deploy.place import Place
from imagekit.model.errors import Problem, UsageError
from imagekit.pipeline.deploying.stages import at_stage, naming
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig, LambdaSettings, Stage
from imagekit.project.config_stages import NAME, for_stage


class Spot(Struct, frozen=True, kw_only=True):
    """One function in one stage."""

    function: FunctionConfig
    stage: Stage | None
    settings: LambdaSettings
    """With the stage's keys in front."""
    name: str
    """As Lambda calls it."""
    workshop: Workshop
    """With the stage's region and credentials."""
    place: Place

    @property
    def label(self) -> str:
        """For people: the function, and the stage where there is one."""
        return f"{self.function.name} ({self.stage.name})" if self.stage else self.function.name

    @property
    def stage_name(self) -> str | None:
        """The stage's name."""
        return self.stage.name if self.stage else None


def spots(
    workshop: Workshop, functions: Sequence[FunctionConfig], stages: Sequence[Stage | None]
) -> tuple[Spot, ...]:
    """Every function in every stage. UsageError where a name cannot be, or is there twice."""
    _refuse_names(functions, stages)
    found = []
    for stage in stages:
        with naming(stage):
            here = at_stage(workshop, stage)
            place = open_place(here)
        for function in functions:
            settings = for_stage(function, stage)
            found.append(
                Spot(
                    function=function,
                    stage=stage,
                    settings=settings,
                    name=settings.name or function.name,
                    workshop=here,
                    place=place,
                )
            )
    return tuple(found)


def open_place(workshop: Workshop) -> Place:
    """AWS as the workshop's environment has it; clients are made here, before any thread."""
    from imagekit.aws.buckets import Buckets
    from imagekit.aws.functions import Functions
    from imagekit.aws.metrics import Metrics

    functions = Functions(workshop.environ, sleep=workshop.sleep)
    functions.connect()
    return Place(
        functions=functions,
        buckets=Buckets(workshop.environ, sleep=workshop.sleep),
        metrics=Metrics(workshop.environ, sleep=workshop.sleep),
        sleep=workshop.sleep,
        now=lambda: datetime.now(UTC),
    )


def _refuse_names(functions: Sequence[FunctionConfig], stages: Sequence[Stage | None]) -> None:
    problems: list[Problem] = []
    taken: dict[tuple[object, ...], str] = {}
    for stage in stages:
        for function in functions:
            name = for_stage(function, stage).name or function.name
            if not re.fullmatch(NAME, name):
                problems.append(Problem(function.name, f"Lambda takes no function named {name!r}"))
            where = (stage.region, stage.profile, stage.role_arn) if stage else ()
            label = f"{function.name} ({stage.name})" if stage else function.name
            # Two stages of one function may differ by their alias alone.
            other = taken.setdefault((*where, name, stage.alias if stage else None), label)
            if other != label:
                problems.append(Problem(label, f"{other} is deployed as {name}, too"))
    if problems:
        raise UsageError(
            what="; ".join(f"{problem.where}: {problem.what}" for problem in problems),
            hint='write `lambda.name`, or `name = "{function}-STAGE"` in the stage',
        )
