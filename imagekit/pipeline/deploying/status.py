"""`imagekit status`: what runs where, from describe calls alone."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from imagekit import __version__
from imagekit.model.deployment import Status, VersionNote
from imagekit.model.function import AliasState, FunctionState
from imagekit.model.reference import Reference
from imagekit.pipeline.deploying.places import Spot, spots
from imagekit.pipeline.deploying.request import JOBS, known_alias
from imagekit.pipeline.deploying.stages import chosen
from imagekit.pipeline.parallel import each
from imagekit.pipeline.workshop import Workshop
from imagekit.project.read_config import load
from imagekit.report.deploy import status_document, status_lines


class StatusRequest(Struct, frozen=True, kw_only=True):
    """Which functions, where, and which of them are shown."""

    functions: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    alias: str | None = None
    base: str | None = None
    """Only what runs on this base: its tag, or a reference with one."""


def run(workshop: Workshop, request: StatusRequest, *, json: bool = False) -> tuple[Status, ...]:
    """Say what runs; raises ImagekitError."""
    project = load(workshop.folder, request.functions, version=__version__)
    if request.alias is not None:
        known_alias(request.alias)
    names = request.stages
    if not names and project.stages:
        names = tuple(stage.name for stage in project.stages)
    there = spots(workshop, project.functions, chosen(project, names))
    found = each(lambda spot: _statuses(spot, request.alias), there, JOBS)
    shown = tuple(one for every in found for one in every if _on(one, request.base))
    if json:
        workshop.console.answer(status_document(shown))
    else:
        for line in status_lines(shown):
            workshop.console.answer(line)
    if request.base is not None:
        workshop.console.say(f"{len(shown)} still run on {request.base}")
    return shown


def _statuses(spot: Spot, alias: str | None) -> tuple[Status, ...]:
    functions = spot.place.functions
    latest = functions.get(spot.name)
    if latest is None:
        return (Status(function=spot.function.name, name=spot.name, stage=spot.stage_name),)
    alias = alias or (spot.stage.alias if spot.stage else None)
    if alias is None:
        aliases: Sequence[AliasState] = functions.aliases(spot.name)
    else:
        aliases = [one for one in (functions.alias(spot.name, alias),) if one is not None]
    if not aliases:
        return (_status(spot, latest, functions.newest(spot.name), None),)
    return tuple(
        _status(spot, latest, functions.get(spot.name, one.version), one) for one in aliases
    )


def _status(
    spot: Spot, latest: FunctionState, serving: FunctionState | None, alias: AliasState | None
) -> Status:
    # Without an alias $LATEST serves; what the newest version tells holds for the same code.
    shown = serving if alias and serving else latest
    told = serving if serving and serving.code == shown.code else None
    note = VersionNote.parse(told.description) if told else VersionNote()
    previous = spot.place.functions.get(spot.name, note.was) if note.was else None
    failure = latest.failure
    return Status(
        function=spot.function.name,
        name=spot.name,
        stage=spot.stage_name,
        alias=alias.name if alias else None,
        version=told.version if told else shown.version,
        image=shown.image,
        code=shown.code,
        note=note,
        previous=(previous.image or previous.code) if previous else None,
        routing=alias.routing if alias else (),
        state=shown.state,
        reason=": ".join(failure) if failure else (shown.state_reason or None),
    )


def _on(one: Status, base: str | None) -> bool:
    if base is None:
        return True
    try:
        tag = Reference.parse(base).tag if "/" in base or ":" in base else base
    except ValueError:
        tag = base
    return one.note.base == tag
