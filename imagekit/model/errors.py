"""Everything that can go wrong, as values. `report.errors` makes the words.

    ImagekitError                       exit
    ├── InputError    what you gave us     2
    ├── BuildError    we could not make it 1
    └── RemoteError   the other side       3

Anything else that escapes is a bug in imagekit (exit 70).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

if TYPE_CHECKING:
    from imagekit.model.advice import Way
    from imagekit.model.budget import Grown, Overrun


class Problem(Struct, frozen=True):
    """One thing that is wrong in what the user gave: where (file and key) and what."""

    where: str
    what: str


class Collision(Struct, frozen=True):
    """One path that two owners fill differently."""

    path: str
    owners: tuple[str, str]


@dataclass(eq=False, kw_only=True)
class ImagekitError(Exception):
    """Base of all; `hint` is something to type or to change, added where it is known."""

    exit_code: ClassVar[int] = 70
    hint: str | None = None

    def __str__(self) -> str:
        fields = {name: value for name, value in vars(self).items() if value is not None}
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in fields.items())})"


class InputError(ImagekitError):
    """What the user gave cannot be used."""

    exit_code = 2


class BuildError(ImagekitError):
    """The artefact cannot be made, or a check failed."""

    exit_code = 1


class RemoteError(ImagekitError):
    """The other side refused: registry, index, AWS, Docker."""

    exit_code = 3
    temporary: bool = False
    """Whether trying again may help."""


@dataclass(eq=False, kw_only=True)
class ConfigError(InputError):
    """Every problem of the configuration at once."""

    problems: tuple[Problem, ...]


@dataclass(eq=False, kw_only=True)
class LockError(InputError):
    """A lock (the package manager's or imagekit's own) is stale, unreadable or incomplete."""

    path: Path
    problems: tuple[str, ...]


@dataclass(eq=False, kw_only=True)
class UsageError(InputError):
    """An argument or option that cannot be used."""

    what: str


@dataclass(eq=False, kw_only=True)
class BrokenHandler(InputError):
    """The project's own code that the handler is imported from is no Python of that version."""

    problems: tuple[Problem, ...]
    python: str


@dataclass(eq=False, kw_only=True)
class NoWheel(BuildError):
    """The lock has no wheel of this package for the target, nor a way to build one."""

    package: str
    target: str
    available: tuple[str, ...]
    """File names of the wheels that there are."""
    reason: str | None = None


@dataclass(eq=False, kw_only=True)
class NoWheels(BuildError):
    """Every package of one resolution that cannot be had for the target, at once."""

    problems: tuple[NoWheel, ...]


@dataclass(eq=False, kw_only=True)
class DigestMismatch(BuildError):
    """Bytes are not those that were promised."""

    what: str
    expected: str
    actual: str


@dataclass(eq=False, kw_only=True)
class BadWheel(BuildError):
    """A wheel that is truncated, corrupt, or tries to write outside its root."""

    wheel: str
    what: str


@dataclass(eq=False, kw_only=True)
class PathCollisions(BuildError):
    """Two owners write one path with different bytes."""

    collisions: tuple[Collision, ...]


@dataclass(eq=False, kw_only=True)
class TooLarge(BuildError):
    """Over a limit of Lambda's."""

    what: str
    limit_bytes: int
    actual_bytes: int
    biggest: tuple[tuple[str, int], ...] = ()
    ways: tuple[Way, ...] = ()
    """What would make it fit."""
    grown: tuple[Grown, ...] = ()
    """What grew since the last build, the most first, where one is known."""


@dataclass(eq=False, kw_only=True)
class OverBudget(BuildError):
    """Over a limit that the team set itself: every artefact that is, at once."""

    overruns: tuple[Overrun, ...]


@dataclass(eq=False, kw_only=True)
class CannotBuild(BuildError):
    """Something needed to build is missing or failed; `what` is one sentence."""

    what: str
    causes: tuple[str, ...] = ()


@dataclass(eq=False, kw_only=True)
class CommandFailed(BuildError):
    """Another program failed; `argv` is already redacted."""

    argv: tuple[str, ...]
    status: int
    stderr_tail: str


@dataclass(eq=False, kw_only=True)
class ChecksFailed(BuildError):
    """Rules of Lambda's that the artefact breaks: (rule id, place, what)."""

    artefact: str
    findings: tuple[tuple[str, str, str], ...]


@dataclass(eq=False, kw_only=True)
class WentBack(CannotBuild):
    """A new version failed under watch, and the old one serves."""


@dataclass(eq=False, kw_only=True)
class CannotDeploy(BuildError):
    """What was to be deployed does not fit what is there: every problem at once."""

    problems: tuple[Problem, ...]
    """`where` is the function, with its stage."""


@dataclass(eq=False, kw_only=True)
class HttpError(RemoteError):
    """A request that did not succeed; `url` is already redacted, `status` 0 means no answer."""

    method: str
    url: str
    status: int
    diagnostics: str
    temporary: bool = False
    retry_after_seconds: float | None = None
    """What the server asked for, where it did."""


@dataclass(eq=False, kw_only=True)
class IndexRefused(HttpError):
    """A package index does not let us in (401, 403)."""

    index: str
    """Its name, URL and where it is named, for people."""
    credentials: str | None
    """Where those that it refused come from; None where none were found."""
    looked_in: tuple[str, ...] = ()


@dataclass(eq=False, kw_only=True)
class RegistryError(HttpError):
    """A registry's refusal, with its own codes (distribution-spec, "Error codes")."""

    codes: tuple[str, ...] = ()


@dataclass(eq=False, kw_only=True)
class RemoteMismatch(RemoteError):
    """A registry gave, or says it has, something else than its name promises."""

    what: str
    expected: str
    actual: str
    hint: str | None = "run it again; if it stays, the registry or a proxy before it is at fault"


@dataclass(eq=False, kw_only=True)
class RemoteRefused(RemoteError):
    """AWS, Docker or another service refused; `what` is one sentence."""

    what: str
    causes: tuple[str, ...] = ()
    temporary: bool = False


@dataclass(eq=False, kw_only=True)
class TagTaken(RemoteRefused):
    """A tag names another image, and may not be moved."""


@dataclass(eq=False, kw_only=True)
class AwsRefused(RemoteRefused):
    """AWS said no to one call, or could not be asked."""

    action: str
    """As IAM names the permission: `ecr:DescribeRepositories`."""
    code: str
    """AWS's own, such as `RepositoryNotFoundException`, or the name of botocore's error."""


@dataclass(eq=False, kw_only=True)
class UpdateFailed(RemoteError):
    """Lambda took a change and could not do it; `reason` is its own word for why."""

    function: str
    code: str
    reason: str
