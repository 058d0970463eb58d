"""`imagekit deploy`: what is wanted, what is there, and the difference done.

    configuration ─→ functions in stages ─→ observed ─→ refused, or actions ─→ applied in waves

Nothing is changed before everything was looked at; where nothing differs, nothing is called.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec.structs import replace

from imagekit import __version__
from imagekit.deploy.actions import CreateFunction, plan
from imagekit.deploy.apply import Applying
from imagekit.deploy.canary import Mover
from imagekit.deploy.words import words
from imagekit.model.deployment import Deployed, VersionNote
from imagekit.model.errors import ImagekitError
from imagekit.model.function import Observed
from imagekit.pipeline.deploying.ahead import require_alias
from imagekit.pipeline.deploying.jobs import Job, Preparing
from imagekit.pipeline.deploying.places import Spot, spots
from imagekit.pipeline.deploying.request import DeployRequest
from imagekit.pipeline.deploying.stages import chosen, waves
from imagekit.pipeline.parallel import each
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig, Stage
from imagekit.project.read_config import load
from imagekit.report.deploy import closing_lines, document, problem_line
from imagekit.report.errors import words as error_words


def run(workshop: Workshop, request: DeployRequest, *, json: bool = False) -> int:
    """Deploy what was asked for and say so; the exit code: 0, or that of the failures.

    Raises ImagekitError for what is wrong before anything was changed.
    """
    project = load(workshop.folder, request.functions, version=__version__)
    done, status = deploy(workshop, project, request)
    tell(workshop, done, json=json)
    return status


def deploy(
    workshop: Workshop,
    project: ProjectConfig,
    request: DeployRequest,
    there: Sequence[Spot] = (),
) -> tuple[tuple[Deployed, ...], int]:
    """The same without a word on stdout: what was done, and the exit code of the failures.

    `there` is every function in every stage, where the caller has looked for them already.
    """
    stages = chosen(project, request.stages)
    with workshop.console.stage("observe"):
        there = there or spots(workshop, project.functions, stages)
        require_alias(request, there)
        jobs = Preparing(project=project, request=request).jobs(there)
    for job in jobs:
        if job.warning:
            workshop.console.say(job.warning)
    if request.dry_run:
        return tuple(planned(job) for job in jobs), 0
    with workshop.console.stage("apply"):
        return _in_waves(workshop, request, jobs, waves(stages, project.stage_order))


def tell(workshop: Workshop, done: Sequence[Deployed], *, json: bool, forward: bool = True) -> None:
    """The ARN of each version on stdout, or JSON, or the steps of a dry run; the rest beside it."""
    if json:
        workshop.console.answer(document(done))
    for one in () if json else done:
        if one.state == "planned":
            for step in one.steps or ("nothing differs",):
                where = f"{one.function} ({one.stage})" if one.stage else one.function
                workshop.console.answer(f"{where}: {step}")
        elif one.state in ("done", "unchanged") and one.qualified_arn:
            workshop.console.answer(one.qualified_arn)
    for line in closing_lines(done, forward=forward):
        workshop.console.say(line)


def exit_code(failures: Sequence[ImagekitError]) -> int:
    """0 without failures, theirs where they agree, else 1."""
    codes = {failure.exit_code for failure in failures}
    return codes.pop() if len(codes) == 1 else min(len(codes), 1)


def _in_waves(
    workshop: Workshop,
    request: DeployRequest,
    jobs: Sequence[Job],
    ordered: Sequence[Sequence[Stage | None]],
) -> tuple[tuple[Deployed, ...], int]:
    done: list[Deployed] = []
    failures: list[ImagekitError] = []
    for wave in ordered:
        here = [job for job in jobs if job.spot.stage in wave]
        if failures:
            done += [replace(_about(job), state="not started") for job in here]
            continue
        for job, end in each(lambda job: (job, _ended(workshop, request, job)), here, request.jobs):
            if isinstance(end, ImagekitError):
                _say(workshop, job, end, among=len(jobs))
                failures.append(end)
                done.append(replace(_about(job), state="failed", problem=problem_line(end)))
            else:
                done.append(end)
    return tuple(done), exit_code(failures)


def _ended(workshop: Workshop, request: DeployRequest, job: Job) -> Deployed | ImagekitError:
    try:
        return _applied(workshop, request, job)
    except ImagekitError as error:
        return error


def _applied(workshop: Workshop, request: DeployRequest, job: Job) -> Deployed:
    began = time.monotonic()
    place, wanted = job.spot.place, job.wanted
    mover = Mover(
        place=place,
        name=wanted.name,
        canary=request.canary,
        smoke=request.smoke,
        say=workshop.console.say,
    )
    applying = Applying(place=place, wanted=wanted, move=mover)
    after = applying.run(job.observed)
    return replace(
        _about(job, after),
        steps=tuple(applying.done),
        created=_created(job),
        state="done" if applying.done else "unchanged",
        seconds=time.monotonic() - began,
    )


def _say(workshop: Workshop, job: Job, error: ImagekitError, *, among: int) -> None:
    """The error's words, with whose it is where there are others."""
    if among > 1:
        workshop.console.say(f"{job.spot.label}:")
    workshop.console.say(error_words(error))


def _created(job: Job) -> str | None:
    steps = plan(job.observed, job.wanted)
    return next((words(step) for step in steps if isinstance(step, CreateFunction)), None)


def planned(job: Job) -> Deployed:
    """What would be done, in words."""
    steps = tuple(words(action) for action in plan(job.observed, job.wanted))
    return replace(_about(job), steps=steps, state="planned")


def _about(job: Job, after: Observed | None = None) -> Deployed:
    wanted, before, now = job.wanted, job.observed, after or job.observed
    was = before.alias.version if before.alias else None
    if was is None and wanted.alias is None and before.serving:
        was = before.serving.version
    serving = now.serving
    return Deployed(
        function=job.spot.function.name,
        name=wanted.name,
        stage=job.spot.stage_name,
        arn=now.function.arn if now.function else None,
        version=serving.version if serving else None,
        was=was,
        alias=wanted.alias,
        image=wanted.code.image,
        zip_sha256=wanted.digest.hex if wanted.package == "zip" else None,
        note=VersionNote.parse(serving.description) if serving else wanted.note,
    )
