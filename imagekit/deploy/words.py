"""Actions in words, for `--dry-run` and for the table at the end."""

from __future__ import annotations

from typing import assert_never

from imagekit.deploy.actions import (
    Action,
    CreateAlias,
    CreateFunction,
    MoveAlias,
    PublishLayer,
    PublishVersion,
    UpdateCode,
    UpdateConfiguration,
)
from imagekit.deploy.configuration import Change
from imagekit.deploy.wanted import Upload
from imagekit.model.release import Code, NewFunction
from imagekit.model.sizes import size


def words(action: Action) -> str:
    """One line, without the function's name."""
    match action:
        case Upload(bucket=bucket, key=key):
            return f"upload to s3://{bucket}/{key}"
        case PublishLayer(layer, bucket):
            way = f" through s3://{bucket}" if bucket else ""
            return f"publish the layer {layer.name} ({size(layer.size_bytes)}{way})"
        case CreateFunction(new):
            return f"create the function ({_made(new)}) with {_code(new.code)}"
        case UpdateCode(code, why, architecture):
            moved = f" for {architecture}" if architecture else ""
            return f"update the code to {_code(code)}{moved} ({why})"
        case UpdateConfiguration(changes):
            return f"set {', '.join(map(_change, changes))}"
        case PublishVersion() | CreateAlias() | MoveAlias():
            return _version_words(action)
        case _:
            assert_never(action)


def _version_words(action: PublishVersion | CreateAlias | MoveAlias) -> str:
    match action:
        case PublishVersion(description):
            return f"publish a version{f' ({description})' if description else ''}"
        case CreateAlias(alias, version):
            return f"create the alias {alias} at {_version(version)}"
        case MoveAlias(alias, version, was):
            return f"move the alias {alias} from {was} to {_version(version)}"
        case _:
            assert_never(action)


def _made(new: NewFunction) -> str:
    runtime = f"{new.runtime}, " if new.runtime else ""
    return f"{runtime}{new.architecture}, {new.memory} MB, {new.timeout} s, as {new.role}"


def _code(code: Code) -> str:
    if code.image:
        return code.image
    return f"s3://{code.bucket}/{code.key}" if code.bucket else str(code.file)


def _change(change: Change) -> str:
    if change.key == "env" and isinstance(change.before, tuple) and isinstance(change.after, tuple):
        # Values may be secrets: names alone.
        names = [name for name, value in change.after if dict(change.before).get(name) != value]
        return f"env {', '.join(names)}"
    return f"{change.key} {_shown(change.before)}→{_shown(change.after)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if value != "" else "nothing"


def _version(version: str | None) -> str:
    return version or "that version"
