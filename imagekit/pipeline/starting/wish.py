"""What a person wants to run here, from words: an event, variables, a stage, limits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit import __version__
from imagekit.local.sandbox import Sandbox
from imagekit.local.variables import CREDENTIALS
from imagekit.model.errors import UsageError
from imagekit.model.invocation import (
    EVENT_LIMIT_BYTES,
    MEMORY_MB,
    STORAGE_MB,
    TIMEOUT_SECONDS,
    Limits,
)
from imagekit.pipeline.request import Request
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig, LambdaSettings, Stage
from imagekit.project.config_lambda import RESERVED
from imagekit.project.config_stages import for_stage
from imagekit.project.read_config import load

if TYPE_CHECKING:
    from imagekit.daemon.engine import Engine

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REGION = "us-east-1"
_LIKE_JSON = ("{", "[", '"')


class Wish(Struct, frozen=True, kw_only=True):
    """How functions are to run here."""

    request: Request = field(default_factory=Request)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Over all others."""
    stage: str | None = None
    network: bool = False


def read_variables(given: Sequence[str]) -> dict[str, str]:
    """`--env K=V`, each. UsageError with every one that cannot be used."""
    problems = []
    for text in given:
        name, equals, _ = text.partition("=")
        if not equals or not _VARIABLE.fullmatch(name):
            problems.append(f"{text!r} is not NAME=VALUE")
        elif name in RESERVED:
            problems.append(f"Lambda sets {name} itself; it is reserved")
    if problems:
        raise UsageError(
            what=f"--env: {'; '.join(problems)}",
            hint="write `--env NAME=VALUE`; AWS's keys and region are taken from your environment",
        )
    return dict(text.split("=", 1) for text in given)


def read_event(text: str | None, stdin: Callable[[], bytes]) -> bytes:
    """`--event`: a file, `-` for stdin, or JSON itself; `{}` without. UsageError."""
    if text is None:
        return b"{}"
    data = stdin() if text == "-" else _event_bytes(text)
    try:
        json.loads(data)
    except ValueError as error:
        raise UsageError(
            what=_no_json(text),
            hint="""name a file, or write JSON: --event '{"name": "Ada"}'""",
        ) from error
    if len(data) > EVENT_LIMIT_BYTES:
        raise UsageError(
            what=f"the event has {len(data)} bytes; Lambda takes at most {EVENT_LIMIT_BYTES}",
            hint="put what is large into S3, and its name into the event",
        )
    return data


def _event_bytes(text: str) -> bytes:
    if not _is_file(text):
        return text.encode()
    try:
        return Path(text).read_bytes()
    except OSError as error:
        raise UsageError(
            what=f"--event {text} cannot be read: {error.strerror or error}",
            hint=f"make {text} readable",
        ) from error


def _no_json(text: str) -> str:
    if text.lstrip().startswith(_LIKE_JSON):
        return "--event is no JSON"
    if text == "-" or _is_file(text):
        return f"--event {text} is no JSON"
    return f"--event {text}: there is no such file, and it is no JSON"


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False  # too long, or with a NUL, for the name of a file


def stage_of(workshop: Workshop, name: str | None) -> Stage | None:
    """The stage of that name. UsageError naming those that there are."""
    if name is None:
        return None
    stages = load(workshop.folder, version=__version__, whole=True).stages
    found = next((one for one in stages if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in stages) or "none"
        raise UsageError(
            what=f"there is no stage {name!r}; known: {known}",
            hint="add a table `stages.NAME` to the configuration, or leave `--stage` out",
        )
    return found


def settled(
    workshop: Workshop,
    engine: Engine,
    sandbox: Sandbox,
    function: FunctionConfig | None,
    wish: Wish,
) -> Sandbox:
    """The sandbox with the function's limits and variables, those of a stage, and what was asked.

    Without a configuration: 1024 MB, 30 s, 512 MB of `/tmp`.
    """
    stage = stage_of(workshop, wish.stage)
    settings = for_stage(function, stage) if function else LambdaSettings()
    environ = workshop.environ
    here = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or _REGION
    network = ("bridge" if engine.has_bridge else "host") if wish.network else "none"
    known = {name: environ[name] for name in CREDENTIALS if name in environ}
    return replace(
        sandbox,
        function=settings.name or sandbox.function,
        limits=limits_of(settings),
        variables={**dict(settings.env or ()), **wish.variables},
        region=(stage.region if stage else None) or here,
        credentials=known if wish.network else {},
        network=network,
    )


def limits_of(settings: LambdaSettings) -> Limits:
    """What the configuration says, else what `invoke` takes."""
    return Limits(
        memory_mb=settings.memory or MEMORY_MB,
        timeout_seconds=settings.timeout or TIMEOUT_SECONDS,
        storage_mb=settings.storage or STORAGE_MB,
    )
