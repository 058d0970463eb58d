"""Stages as a command asks for them: which, in which order, and as whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from imagekit.model.errors import RemoteRefused, UsageError
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig, Stage


def chosen(project: ProjectConfig, names: Sequence[str]) -> tuple[Stage | None, ...]:
    """The stages that `--stage` names, in the project's order; `(None,)` where there are none.

    UsageError naming those that are known, where one is unknown or none is named.
    """
    known = {stage.name: stage for stage in project.stages}
    listed = ", ".join(known)
    if unknown := [name for name in names if name not in known]:
        told = f"known: {listed}" if known else "the project has none"
        raise UsageError(
            what=f"there is no stage {', '.join(map(repr, unknown))}; {told}",
            hint="add a table `stages.NAME` to the configuration, or leave `--stage` out",
        )
    if known and not names:
        raise UsageError(
            what=f"this project has stages, and none is named; known: {listed}",
            hint=f"add `--stage {next(iter(known))}`; it may be given again",
        )
    return tuple(stage for name, stage in known.items() if name in names) or (None,)


def waves(
    stages: Sequence[Stage | None], order: Sequence[Sequence[str]]
) -> tuple[tuple[Stage | None, ...], ...]:
    """The stages in waves, as `stage_order` has them; those that it does not name come last."""
    named = {stage.name: stage for stage in stages if stage is not None}
    ordered = [tuple(named[name] for name in wave if name in named) for wave in order]
    told = {name for wave in order for name in wave}
    rest = tuple(stage for stage in stages if stage is None or stage.name not in told)
    return tuple(wave for wave in (*ordered, rest) if wave)


@contextmanager
def naming(stage: Stage | None) -> Iterator[None]:
    """What AWS refuses in here is told with the stage whose account and region it is about."""
    try:
        yield
    except RemoteRefused as error:
        where = f"stage {stage.name}: " if stage else ""
        error.what = where + error.what.removeprefix(where)
        raise


def at_stage(workshop: Workshop, stage: Stage | None) -> Workshop:
    """The same workshop with the stage's region and credentials. RemoteRefused."""
    if stage is None:
        return workshop
    from imagekit.aws.account import stage_environ

    environ = stage_environ(
        workshop.environ, region=stage.region, profile=stage.profile, role_arn=stage.role_arn
    )
    return Workshop(
        environ=environ,
        console=workshop.console,
        store=workshop.store,
        folder=workshop.folder,
        now=workshop.now,
        sleep=workshop.sleep,
    )
