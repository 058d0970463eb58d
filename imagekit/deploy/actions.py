"""Observed and wanted in, actions out. Pure: `--dry-run` prints what `apply` walks."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from imagekit.deploy.configuration import Change, changes, command_change
from imagekit.deploy.layers import only_removes, through, wanted_layers
from imagekit.deploy.wanted import MEMORY, TIMEOUT, Upload, Wanted
from imagekit.model.function import FunctionState, Observed
from imagekit.model.lambda_layer import LambdaLayer
from imagekit.model.release import Code, NewFunction


class CreateFunction(Struct, frozen=True):
    """Make a function that is not there."""

    new: NewFunction


class UpdateCode(Struct, frozen=True):
    """Have it run other code; `architecture` is named only where it changes (L21)."""

    code: Code
    why: str
    architecture: str | None = None


class UpdateConfiguration(Struct, frozen=True):
    """Set what the configuration names and what differs."""

    changes: tuple[Change, ...]


class PublishLayer(Struct, frozen=True):
    """Publish a Lambda layer of packages, through a bucket where it is large."""

    layer: LambdaLayer
    bucket: str | None


class PublishVersion(Struct, frozen=True):
    """Publish `$LATEST` as a version."""

    description: str


class CreateAlias(Struct, frozen=True):
    """Make the alias; `version` is None while the version is not published yet."""

    alias: str
    version: str | None


class MoveAlias(Struct, frozen=True):
    """Point the alias at a version, all traffic; `was` is where it points now."""

    alias: str
    version: str | None
    was: str


Action = (
    Upload
    | PublishLayer
    | CreateFunction
    | UpdateCode
    | UpdateConfiguration
    | PublishVersion
    | CreateAlias
    | MoveAlias
)


def plan(observed: Observed, wanted: Wanted) -> tuple[Action, ...]:
    """What has to be done, in its order: code, configuration, version, alias (decision 10).

    Nothing, where nothing differs. Whatever was interrupted goes on where it was: only what is
    there counts.
    """
    # Its packages first: the code looks for them when it starts.
    rest = () if wanted.rest is None or observed.rest_uploaded else (wanted.rest,)
    rest = (*rest, *_layers(observed, wanted))
    settings = replace(wanted.settings, layers=wanted_layers(observed, wanted))
    wanted = replace(wanted, settings=settings)
    code = tuple(_code(observed, wanted))
    handler, changed = _handler(observed, wanted, bool(code))
    fewer, changed = _fewer_layers(changed, bool(code))
    configuration = (UpdateConfiguration(changed),) if changed else ()
    differs = bool(code or handler) or any(change.versioned for change in changed)
    version = None if differs else _published(observed)
    publish = () if version else (PublishVersion(_description(observed, wanted)),)
    ahead = (*handler, *rest, *fewer)
    return (*ahead, *code, *configuration, *publish, *_alias(observed, wanted, version))


def _layers(observed: Observed, wanted: Wanted) -> Iterator[Action]:
    """Those that are not there yet: what is published never changes, and is not sent again."""
    there = dict(observed.published)
    for layer in wanted.layers:
        if layer.name not in there:
            yield PublishLayer(layer, through(wanted, layer.size_bytes))


def _fewer_layers(
    changed: tuple[Change, ...], code: bool
) -> tuple[tuple[Action, ...], tuple[Change, ...]]:
    """What comes before the code, and the rest: code that brings its packages itself may not fit
    beside the layers that it needs no more (lambda_rules Z1)."""
    fewer = tuple(one for one in changed if one.key == "layers" and only_removes(one))
    if not (fewer and code):
        return (), changed
    return (UpdateConfiguration(fewer),), tuple(one for one in changed if one not in fewer)


def _handler(
    observed: Observed, wanted: Wanted, code: bool
) -> tuple[tuple[Action, ...], tuple[Change, ...]]:
    """What comes before the code, and the configuration that comes after it.

    An image whose command is another function's handler never runs without the function's own:
    `$LATEST` would call the other one for a moment. Unless the present image is gone, when Lambda
    changes no configuration before the code (lambda_rules L15), and nothing is served.
    """
    function = observed.function
    command = command_change(function, wanted.command)
    changed = changes(function, wanted.settings)
    if command and code and function is not None and function.code_is_sound:
        return (UpdateConfiguration(command),), changed
    return (), (*command, *changed)


def _code(observed: Observed, wanted: Wanted) -> Iterator[Action]:
    function = observed.function
    if function is not None and function.code == wanted.sha256 and function.code_is_sound:
        return
    code = wanted.code
    if code.bucket and code.key and wanted.archive and not observed.uploaded:
        yield Upload(code.bucket, code.key, wanted.archive, wanted.digest)
    if function is None:
        yield CreateFunction(_new(wanted))
        return
    moved = wanted.architecture not in (None, function.architecture)
    yield UpdateCode(
        wanted.code,
        _why(function, wanted),
        wanted.architecture if moved else None,
    )


def _why(function: FunctionState, wanted: Wanted) -> str:
    if function.code != wanted.sha256:
        return "other code"
    code, _ = function.failure or (function.state_code, "")
    return f"the same code, as the function is {code or function.state}"


def _new(wanted: Wanted) -> NewFunction:
    return NewFunction(
        name=wanted.name,
        role=wanted.settings.role or "",
        code=wanted.code,
        architecture=wanted.architecture or "x86_64",
        memory=wanted.settings.memory or MEMORY,
        timeout=wanted.settings.timeout or TIMEOUT,
        runtime=wanted.runtime,
        handler=wanted.handler,
        command=(wanted.command and wanted.command.over(())) or (),
    )


def _published(observed: Observed) -> str | None:
    """The version that has what `$LATEST` has, if it is known."""
    function, serving = observed.function, observed.serving
    if function is None or serving is None or not function.same_version(serving):
        return None
    return serving.version


def _description(observed: Observed, wanted: Wanted) -> str:
    was = observed.alias.version if observed.alias else None
    if was is None and observed.serving is not None:
        was = observed.serving.version
    return str(replace(wanted.note, was=was))


def _alias(observed: Observed, wanted: Wanted, version: str | None) -> Iterator[Action]:
    if wanted.alias is None:
        return
    alias = observed.alias
    if alias is None:
        yield CreateAlias(wanted.alias, version)
    elif version is None or alias.version != version or alias.routing:
        yield MoveAlias(wanted.alias, version, alias.version)
