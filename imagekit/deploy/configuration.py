"""A function's configuration: what `functions.NAME.lambda` names, held against what is there."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from imagekit.deploy.wanted import MEMORY, TIMEOUT, Command
from imagekit.model.function import FunctionState
from imagekit.project.config import LambdaSettings


class Change(Struct, frozen=True):
    """One key that differs."""

    key: str
    """As the configuration calls it."""
    before: object
    after: object
    versioned: bool = True
    """Whether a published version keeps it: a description alone makes no new version."""
    beside: tuple[tuple[str, object], ...] = ()
    """What has to be sent along as it is: the API takes it whole."""


def changes(function: FunctionState | None, settings: LambdaSettings) -> tuple[Change, ...]:
    """What is to be set; `function` None is one that was just made. Unnamed keys stay untouched.

    Of `env`, variables that are not named stay as they are; `layers` is a whole list.
    """
    now = function or _made(settings)
    return tuple(change for change in _pairs(now, settings) if change.before != change.after)


def command_change(function: FunctionState | None, command: Command | None) -> tuple[Change, ...]:
    """The handler that the function has to name itself, as its image names another one."""
    if function is None or command is None:
        return ()
    after = command.over(function.command)
    if after is None:
        return ()
    beside = tuple(one for one in function.image_config if one[0] != "Command")
    before = function.command or (command.image,)
    return (Change("command", before, after, beside=beside),)


def fields(made: tuple[Change, ...]) -> dict[str, object]:
    """The changes as UpdateFunctionConfiguration takes them."""
    return {name: value for change in made for name, value in _field(change)}


def _made(settings: LambdaSettings) -> FunctionState:
    """A function as CreateFunction leaves it."""
    return FunctionState(
        name="",
        arn="",
        version="$LATEST",
        package="zip",
        architecture="x86_64",
        code="",
        configuration="",
        memory=settings.memory or MEMORY,
        timeout=settings.timeout or TIMEOUT,
        role=settings.role or "",
    )


def _pairs(now: FunctionState, settings: LambdaSettings) -> Iterator[Change]:
    simple = (
        ("memory", now.memory, settings.memory),
        ("timeout", now.timeout, settings.timeout),
        ("storage", now.storage, settings.storage),
        ("role", now.role, settings.role),
        ("snapstart", now.snapstart, settings.snapstart),
        ("layers", tuple(arn for arn, _ in now.layers), settings.layers),
    )
    for key, before, after in simple:
        if after is not None:
            yield Change(key, before, after)
    if settings.env is not None:
        yield Change("env", now.env, tuple(sorted((dict(now.env) | dict(settings.env)).items())))
    if settings.description is not None:
        yield Change("description", now.description, settings.description, versioned=False)


def _field(change: Change) -> Iterator[tuple[str, object]]:
    after = change.after
    match change.key:
        case "memory":
            yield "MemorySize", after
        case "timeout":
            yield "Timeout", after
        case "storage":
            yield "EphemeralStorage", {"Size": after}
        case "role":
            yield "Role", after
        case "snapstart":
            yield "SnapStart", {"ApplyOn": "PublishedVersions" if after else "None"}
        case "command" if isinstance(after, tuple):
            kept = {key: _listed(value) for key, value in change.beside}
            yield "ImageConfig", {**kept, "Command": list(after)}
        case "layers" if isinstance(after, tuple):
            yield "Layers", list(after)
        case "env" if isinstance(after, tuple):
            yield "Environment", {"Variables": dict(after)}
        case "description":
            yield "Description", after


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
