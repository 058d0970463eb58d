"""`imagekit release`: from a locked project to traffic on a new version.

    build, check, push ─→ promote to the stages' repositories ─→ deploy in waves

Every step finds what an earlier run has done already, so that the same command finishes a release
that was interrupted anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from imagekit import __version__
from imagekit.model.deployment import Deployed, Step
from imagekit.model.errors import UsageError
from imagekit.model.outcome import Outcome
from imagekit.pipeline.build import build
from imagekit.pipeline.deploying.ahead import Ahead, require_alias
from imagekit.pipeline.deploying.handover import Handover
from imagekit.pipeline.deploying.places import Spot, spots
from imagekit.pipeline.deploying.request import DeployRequest
from imagekit.pipeline.deploying.running import Running
from imagekit.pipeline.deploying.stages import at_stage, chosen
from imagekit.pipeline.pushing.known import Known
from imagekit.pipeline.request import Outputs, Request
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig, Stage
from imagekit.project.config_stages import layer_repository_of, repository_of
from imagekit.project.read_config import load
from imagekit.report.outcome import closing_line
from imagekit.report.release import plan_document, plan_lines

_NO_FUNCTION = "no function falls to this shard"


class ReleaseRequest(Struct, frozen=True, kw_only=True):
    """What a person asked `release` for."""

    build: Request
    outputs: Outputs
    deploy: DeployRequest
    shard: tuple[int, int] = (1, 1)
    """This machine's number and how many there are: each takes its part of the functions."""
    deploys: bool = True


def run(workshop: Workshop, asked: ReleaseRequest, handover: Handover) -> int:
    """Release what was asked for and hand over what came of it; the exit code: 0, or that of the
    functions that were not deployed. Raises ImagekitError for what ends the whole."""
    begun = _begin(workshop, asked, handover)
    project, asked, stages, there = begun.project, begun.asked, begun.stages, begun.there
    if not project.functions:
        workshop.console.say(_NO_FUNCTION)
        return 0
    with workshop.console.stage("build"):
        outcomes = build(workshop, asked.build, asked.outputs, begun.known)
    for outcome in outcomes:
        workshop.console.say(closing_line(outcome))
    done: tuple[Deployed, ...] = ()
    status = 0
    if asked.deploys:
        _promote(workshop, project, outcomes, stages, asked)
        done, status = _deploy(workshop, project, asked, there)
    handover.give(workshop.console, outcomes, done)
    return status


def show(workshop: Workshop, asked: ReleaseRequest, handover: Handover) -> int:
    """`--plan`: answer with every step, in words or as JSON; nothing is made or changed. 0.

    Raises what a release would raise before it makes anything.
    """
    from imagekit.pipeline.foreseeing import foresee
    from imagekit.pipeline.session import Session

    begun = _begin(workshop, asked, handover)
    steps: tuple[Step, ...] = ()
    if begun.project.functions:
        session = Session.open(workshop, begun.asked.build, project=begun.project)
        running = begun.running
        deploying = (begun.asked.deploy, running) if running else None
        steps = foresee(session, begun.asked.outputs, begun.known, begun.stages, deploying)
    else:
        workshop.console.say(_NO_FUNCTION)
    if handover.json:
        workshop.console.answer(plan_document(steps))
    for line in () if handover.json else plan_lines(steps):
        workshop.console.answer(line)
    return 0


def read_shard(text: str | None) -> tuple[int, int]:
    """`2/3`: the second of three machines; UsageError."""
    if text is None:
        return 1, 1
    number, slash, total = text.partition("/")
    if slash and number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total):
        return int(number), int(total)
    raise UsageError(
        what=f"--shard {text} is no part of a whole",
        hint="write `--shard 1/3`, up to `--shard 3/3`",
    )


class _Begun(Struct, frozen=True, kw_only=True):
    """What is known before a plan is made."""

    project: ProjectConfig
    asked: ReleaseRequest
    stages: Sequence[Stage | None]
    there: Sequence[Spot]
    running: Running | None
    """What is deployed; None where nothing is to be."""

    @property
    def known(self) -> Known:
        """What is deployed is a cache of layers, and may refuse what is to come."""
        if self.running is None:
            return Known(project=self.project)
        ahead = Ahead(running=self.running, request=self.asked.deploy)
        return Known(project=self.project, deployed=self.running, require=ahead.require)


def _begin(workshop: Workshop, asked: ReleaseRequest, handover: Handover) -> _Begun:
    """Known before anything is built: a release without its stage would stop at the very end."""
    handover.require()
    # What others deploy starts by itself; what is deployed here may share an image.
    shares = asked.deploys and handover.tfvars is None
    asked = replace(asked, build=replace(asked.build, shares=shares))
    project, asked = _sharded(_load(workshop, asked), asked)
    deploys = asked.deploys and bool(project.functions)
    stages = chosen(project, asked.deploy.stages) if deploys else (None,)
    there = spots(workshop, project.functions, stages) if deploys else ()
    require_alias(asked.deploy, there)
    running = Running(spots=there) if deploys else None
    return _Begun(project=project, asked=asked, stages=stages, there=there, running=running)


def _load(workshop: Workshop, asked: ReleaseRequest) -> ProjectConfig:
    return load(workshop.folder, asked.build.functions, version=__version__)


def _sharded(project: ProjectConfig, asked: ReleaseRequest) -> tuple[ProjectConfig, ReleaseRequest]:
    """This machine's functions, dealt out in the order of their names."""
    number, total = asked.shard
    if total == 1:
        return project, asked
    mine = sorted(one.name for one in project.functions)[number - 1 :: total]
    functions = tuple(one for one in project.functions if one.name in mine)
    names = tuple(one.name for one in functions)
    return replace(project, functions=functions, whole=False), replace(
        asked,
        build=replace(asked.build, functions=names),
        deploy=replace(asked.deploy, functions=names),
    )


def _promote(
    workshop: Workshop,
    project: ProjectConfig,
    outcomes: Sequence[Outcome],
    stages: Sequence[Stage | None],
    asked: ReleaseRequest,
) -> None:
    """Bring the images into the repositories of the stages that have their own."""
    pushed = [one for one in outcomes if one.reference is not None]
    functions = {one.name: one for one in project.functions}
    for stage in stages:
        if stage is None or stage.repository is None or not pushed:
            continue
        from imagekit.pipeline.pushing.promote import Wish, everywhere

        there = at_stage(workshop, stage)
        with workshop.console.stage(f"promote to {stage.name}"):
            for outcome in pushed:
                repository = repository_of(functions[outcome.name], stage)
                wish = Wish(
                    destinations=(str(repository),),
                    tags=asked.outputs.tags,
                    create=asked.outputs.create,
                    layers=layer_repository_of(functions[outcome.name], stage),
                )
                everywhere(there, str(outcome.reference), wish)


def _deploy(
    workshop: Workshop, project: ProjectConfig, asked: ReleaseRequest, there: Sequence[Spot]
) -> tuple[tuple[Deployed, ...], int]:
    from imagekit.pipeline.deploying.deploy import deploy
    from imagekit.report.deploy import closing_lines

    done, status = deploy(workshop, project, asked.deploy, there)
    for line in closing_lines(done):
        workshop.console.say(line)
    return done, status
