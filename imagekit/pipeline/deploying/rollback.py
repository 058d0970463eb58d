"""`imagekit rollback`: the alias back to the version before; without one, its code."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from imagekit import __version__
from imagekit.deploy.alias import set_alias
from imagekit.deploy.apply import failed
from imagekit.deploy.observe import settled
from imagekit.deploy.rollback import before, current
from imagekit.model.deployment import Deployed, VersionNote
from imagekit.model.errors import CannotDeploy, ImagekitError, Problem, UsageError
from imagekit.model.function import AliasState, FunctionState
from imagekit.model.lambda_layer import is_ours
from imagekit.model.release import Code
from imagekit.pipeline.deploying.deploy import exit_code, tell
from imagekit.pipeline.deploying.places import Spot, spots
from imagekit.pipeline.deploying.request import JOBS, known_alias
from imagekit.pipeline.deploying.stages import chosen
from imagekit.pipeline.parallel import each
from imagekit.pipeline.workshop import Workshop
from imagekit.project.read_config import load
from imagekit.report.deploy import problem_line
from imagekit.report.errors import words


class RollbackRequest(Struct, frozen=True, kw_only=True):
    """Which functions, where, and how far back."""

    functions: tuple[str, ...] = ()
    every: bool = False
    stages: tuple[str, ...] = ()
    alias: str | None = None
    to: str | None = None
    """A version; None: the one before."""

    def __post_init__(self) -> None:
        if self.alias is not None:
            known_alias(self.alias)
        if self.to is not None and not self.to.isdigit():
            raise UsageError(
                what=f"--to {self.to} is no version", hint="imagekit status shows their numbers"
            )
        if self.functions and self.every:
            raise UsageError(
                what="--all and names of functions exclude each other", hint="leave `--all` out"
            )


class _Way(Struct, frozen=True, kw_only=True):
    """From what serves to what is to serve, in one place."""

    spot: Spot
    latest: FunctionState
    alias: AliasState | None
    serving: FunctionState | None
    target: FunctionState


def run(workshop: Workshop, request: RollbackRequest, *, json: bool = False) -> int:
    """Go back and say so; the exit code: 0, or that of the failures.

    Raises ImagekitError where there is nothing to go back to, before anything was changed.
    """
    project = load(workshop.folder, request.functions, version=__version__)
    if len(project.functions) > 1 and not request.functions and not request.every:
        raise UsageError(
            what=f"this project has {len(project.functions)} functions, and none is named",
            hint="name them, or add `--all`",
        )
    there = spots(workshop, project.functions, chosen(project, request.stages))
    ways = _ways(there, request)
    ends = each(_ended, ways, JOBS)
    failures = [end for end in ends if isinstance(end, ImagekitError)]
    for failure in failures:
        workshop.console.say(words(failure))
    done = [_told(way, end) for way, end in zip(ways, ends, strict=True)]
    tell(workshop, done, json=json, forward=False)
    return exit_code(failures)


def _ways(there: Sequence[Spot], request: RollbackRequest) -> list[_Way]:
    found = each(lambda spot: _way(spot, request), there, JOBS)
    problems = [one for one in found if isinstance(one, Problem)]
    if problems:
        raise CannotDeploy(
            problems=tuple(problems), hint="imagekit status, and `--to VERSION` names another one"
        )
    return [one for one in found if isinstance(one, _Way)]


def _way(spot: Spot, request: RollbackRequest) -> _Way | Problem:
    functions = spot.place.functions
    latest = functions.get(spot.name)
    if latest is None:
        return Problem(spot.label, f"there is no function {spot.name}")
    versions = functions.versions(spot.name)
    name = request.alias or (spot.stage.alias if spot.stage else None)
    alias = functions.alias(spot.name, name) if name else None
    if name and alias is None:
        return Problem(spot.label, f"{spot.name} has no alias {name}")
    by_number = {version.version: version for version in versions}
    serving = by_number.get(alias.version) if alias else current(latest, versions)
    target = _target(serving, versions, request.to)
    if target is None:
        at = f"version {serving.version}" if serving else "what runs"
        wanted = f"there is no version {request.to}" if request.to else f"nothing was before {at}"
        return Problem(spot.label, wanted)
    return _Way(spot=spot, latest=latest, alias=alias, serving=serving, target=target)


def _target(
    serving: FunctionState | None, versions: Sequence[FunctionState], to: str | None
) -> FunctionState | None:
    if to is not None:
        return next((version for version in versions if version.version == to), None)
    if serving is not None:
        return before(serving, versions)
    return versions[-1] if versions else None


def _ended(way: _Way) -> Deployed | ImagekitError:
    began = time.monotonic()
    try:
        changed = _alias_back(way, way.alias) if way.alias else _code_back(way)
    except ImagekitError as error:
        return error
    about = _about(way)
    if not changed:
        return replace(about, state="unchanged")
    back = f"back from {about.was} to {about.version}" if about.was else f"to {about.version}"
    return replace(about, steps=(back,), seconds=time.monotonic() - began)


def _told(way: _Way, end: Deployed | ImagekitError) -> Deployed:
    if isinstance(end, ImagekitError):
        return replace(_about(way), state="failed", problem=problem_line(end))
    return end


def _alias_back(way: _Way, alias: AliasState) -> bool:
    if alias.version == way.target.version and not alias.routing:
        return False
    wanted = replace(alias, version=way.target.version, routing=())
    set_alias(way.spot.place, way.spot.name, alias, wanted)
    return True


def _code_back(way: _Way) -> bool:
    """`$LATEST` runs the version's code again, with the packages that were its layers; the rest of
    its configuration stays as it is."""
    if way.latest.code == way.target.code and way.latest.code_is_sound:
        return _layers_back(way)
    place, name = way.spot.place, way.spot.name
    found = place.functions.get(name, way.target.version) or way.target
    if found.package == "image":
        _update(way, Code(image=found.image))
        return True
    with way.spot.workshop.store.folder() as folder:
        _update(way, Code(file=_fetched(way, found, folder / "code.zip")))
    _layers_back(way)
    return True


def _layers_back(way: _Way) -> bool:
    """Packages that are layers go with the code; layers of others alone are configuration."""
    now, then = (tuple(arn for arn, _ in one.layers) for one in (way.latest, way.target))
    if now == then or not any(map(is_ours, (*now, *then))):
        return False
    place, name = way.spot.place, way.spot.name
    revision = settled(place, name).revision
    place.functions.update_configuration(name, {"Layers": list(then)}, revision=revision)
    after = settled(place, name)
    if after.failure:
        raise failed(after)
    return True


def _update(way: _Way, code: Code) -> None:
    place, name = way.spot.place, way.spot.name
    architecture = way.target.architecture
    moved = architecture if architecture != way.latest.architecture else None
    place.functions.update_code(name, code, architecture=moved, revision=way.latest.revision)
    after = settled(place, name)
    if after.failure:
        raise failed(after)


def _fetched(way: _Way, version: FunctionState, path: Path) -> Path:
    """The archive of a version, from where Lambda lends it for some minutes."""
    from imagekit.net.http import Request, failure

    request = Request(method="GET", url=version.location or "")
    with way.spot.workshop.transport.send(request) as response:
        if response.status != 200:
            raise failure(request, response)
        with path.open("wb") as file:
            for chunk in response.chunks(1 << 20):
                file.write(chunk)
    return path


def _about(way: _Way) -> Deployed:
    target, serving = way.target, way.serving
    return Deployed(
        function=way.spot.function.name,
        name=way.spot.name,
        stage=way.spot.stage_name,
        arn=way.latest.arn,
        version=target.version,
        was=serving.version if serving else None,
        alias=way.alias.name if way.alias else None,
        image=target.image,
        note=VersionNote.parse(target.description),
    )
