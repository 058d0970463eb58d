"""What a person asked `deploy` for, known to be usable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from imagekit.deploy.canary import Canary
from imagekit.model.errors import UsageError
from imagekit.pipeline.deploying.sent import Source
from imagekit.project.config_lambda import ROLE
from imagekit.project.config_stages import ALIAS

JOBS = 8


class DeployRequest(Struct, frozen=True, kw_only=True):
    """Which functions, where to, and how."""

    functions: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    """By function, what is to run; what is left out is the newest build."""
    given: Source | None = None
    """What `--image` or `--zip` names, for one function."""
    alias: str | None = None
    canary: Canary | None = None
    smoke: bytes | None = None
    create: bool = False
    role: str | None = None
    anyway: bool = False
    dry_run: bool = False
    jobs: int = JOBS

    def __post_init__(self) -> None:
        if self.alias is not None:
            known_alias(self.alias)
        if self.role is not None and not re.fullmatch(ROLE, self.role):
            raise UsageError(
                what=f"{self.role} is not a role's ARN", hint="arn:aws:iam::ACCOUNT:role/NAME"
            )
        if self.role is not None and not self.create:
            raise UsageError(
                what="--role is for a function that is made here",
                hint="add `--create`, or write `lambda.role` to change a role",
            )
        if self.jobs < 1:
            raise UsageError(what=f"-j {self.jobs} does nothing", hint="-j 1, or more")


def known_alias(text: str) -> str:
    """The alias, if Lambda would take it; UsageError."""
    if not re.fullmatch(ALIAS, text):
        raise UsageError(
            what=f"{text!r} is not an alias", hint="letters, digits, `-` and `_`, and no number"
        )
    return text


def read_canary(text: str | None) -> Canary | None:
    """`10%:5m`, or `10%:5m,50%:10m`; UsageError."""
    try:
        return None if text is None else Canary.parse(text)
    except ValueError as error:
        raise UsageError(
            what=f"--canary {text}: {error}", hint="write `--canary 10%:5m`: a share and how long"
        ) from error


def read_smoke(path: Path | None) -> bytes | None:
    """The event in the file, which must be JSON; UsageError."""
    import json

    try:
        data = None if path is None else path.read_bytes()
        if data is not None:
            json.loads(data)
    except (OSError, ValueError) as error:
        raise UsageError(
            what=f"--smoke {path}: {error}", hint="name a file with an event as JSON"
        ) from error
    return data
