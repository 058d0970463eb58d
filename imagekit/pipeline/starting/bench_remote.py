"""`imagekit bench --remote`: cold starts of deployed functions, as Lambda's REPORT lines tell.

functions ─→ versions that nobody called yet ─→ batches of calls at once, in turn ─→ series
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec import Struct, field

from imagekit.model.errors import RemoteRefused, UsageError
from imagekit.model.report_line import Report, reports
from imagekit.model.startup import ColdStart, StartSeries
from imagekit.pipeline.deploying.places import open_place
from imagekit.pipeline.deploying.stages import at_stage
from imagekit.pipeline.starting.bench import BenchRequest, answer
from imagekit.pipeline.starting.wish import stage_of
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config_stages import for_stage
from imagekit.project.read_config import load

if TYPE_CHECKING:
    from imagekit.deploy.place import Place
    from imagekit.model.function import FunctionState

AT_ONCE = 5
"""Calls of one batch, each of which needs an environment of its own; a new account may run ten."""


class _Target(Struct, frozen=True, kw_only=True):
    """A deployed function."""

    label: str
    name: str
    place: Place
    state: FunctionState
    versions: tuple[str, ...]
    starts: list[ColdStart] = field(default_factory=list)


def run(workshop: Workshop, asked: BenchRequest, *, json: bool) -> None:
    """Call fresh environments again and again, and answer."""
    answer(workshop, measure(workshop, asked), json=json)


def measure(workshop: Workshop, asked: BenchRequest) -> tuple[StartSeries, ...]:
    """A series of each function. UsageError, AwsRefused, UpdateFailed."""
    if asked.packagings or asked.wish.variables or asked.wish.network:
        raise UsageError(
            what="--packaging, --env and --network are for what starts here",
            hint="leave them out, or leave `--remote` out",
        )
    console = workshop.console
    batches = -(-asked.count // AT_ONCE)
    with ExitStack() as stack:
        with console.stage("fresh versions"):
            targets = list(_targets(workshop, asked, batches, stack))
        for batch in range(batches):
            at_once = min(AT_ONCE, asked.count - batch * AT_ONCE)
            for target in targets:
                with console.stage(f"{target.label}: batch {batch + 1} of {batches}"):
                    target.starts.extend(_batch(target, batch, at_once, asked.event))
    return tuple(_series(target) for target in targets)


def _targets(
    workshop: Workshop, asked: BenchRequest, batches: int, stack: ExitStack
) -> Iterator[_Target]:
    from imagekit.deploy.fresh import fresh_versions

    stage = stage_of(workshop, asked.wish.stage)
    here = at_stage(workshop, stage)
    place = open_place(here)
    for label, name in _names(workshop, asked):
        workshop.console.say(
            f"{label}: {batches} versions of {name} are made, called and deleted; "
            "aliases stay where they are"
        )
        mark = secrets.token_hex(4)
        versions = stack.enter_context(fresh_versions(place, name, batches, mark))
        state = place.functions.get(name, versions[0])
        if state is None:
            raise RemoteRefused(what=f"version {versions[0]} of {name} is gone")
        yield _Target(label=label, name=name, place=place, state=state, versions=versions)


def _names(workshop: Workshop, asked: BenchRequest) -> Iterator[tuple[str, str]]:
    """What a person calls it, and what Lambda calls it in the stage."""
    from imagekit import __version__

    functions = load(workshop.folder, version=__version__, whole=True).functions
    stage = stage_of(workshop, asked.wish.stage)
    if not asked.artefacts and len(functions) > 1:
        known = ", ".join(one.name for one in functions)
        raise UsageError(
            what=f"this project has several functions: {known}",
            hint=f"imagekit bench {functions[0].name} --remote",
        )
    for text in asked.artefacts or (functions[0].name,):
        function = next((one for one in functions if one.name == text), None)
        if function is None:
            raise UsageError(
                what=f"there is no function {text!r} here; --remote is for functions",
                hint=f"name one: {functions[0].name}",
            )
        yield text, for_stage(function, stage).name or function.name


def _batch(target: _Target, batch: int, count: int, event: bytes) -> Iterator[ColdStart]:
    """Calls at the same time, so that each gets an environment of its own."""
    version = target.versions[batch]

    def call(_: int) -> str:
        return target.place.functions.invoke(target.name, version, event, tail=True).log

    with ThreadPoolExecutor(count) as pool:
        logs = list(pool.map(call, range(count)))
    for log in logs:
        for found in list(reports(log))[-1:]:
            if found.cold:  # else one environment took two of them
                yield _start(target.label, batch, found)


def _start(label: str, batch: int, found: Report) -> ColdStart:
    waited = found.init_ms if found.init_ms is not None else found.restore_ms
    return ColdStart(
        artefact=label,
        batch=batch,
        init_ms=found.init_ms,
        restore_ms=found.restore_ms,
        first_answer_ms=(waited or 0.0) + found.duration_ms,
        duration_ms=found.duration_ms,
        billed_ms=found.billed_ms,
        memory_bytes=found.memory_bytes,
    )


def _series(target: _Target) -> StartSeries:
    if not target.starts:
        raise RemoteRefused(
            what=f"no call of {target.name} was a cold start",
            hint=f"aws logs tail /aws/lambda/{target.name} shows its REPORT lines",
        )
    return StartSeries(
        artefact=target.label,
        function=target.label,
        packaging=target.state.package,
        where="lambda",
        memory_limit_mb=target.state.memory,
        starts=tuple(target.starts),
    )
