"""What a survey finds, as values: functions, facts and where they stand, what is left behind."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from imagekit.model.target import Architecture
from imagekit.project.config import LambdaSettings


class Said(Struct, frozen=True):
    """A fact and where it stands: `template.yaml:12`, `Python 3.13`."""

    where: str
    what: str


class Left(Struct, frozen=True, kw_only=True):
    """What imagekit's configuration cannot say, and what to do about it."""

    where: str
    """File and line."""
    what: str
    todo: str


class FunctionFound(Struct, frozen=True, kw_only=True):
    """One function as a file of the project describes it, in the words of the configuration."""

    name: str
    where: str
    """File and line that name it."""
    handler: str | None = None
    """None: a person has to say it."""
    others: tuple[str, ...] = ()
    """Further functions that look like handlers, for the person to choose from."""
    python: str | None = None
    """Minor version."""
    base: str | None = None
    """An image of the project's own; None: the shipped base of `python`."""
    architecture: Architecture | None = None
    packaging: Literal["image"] | None = None
    """`image` where the function is one already: that can never change."""
    source: tuple[str, ...] | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    member: str | None = None
    lock: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    extensions: tuple[str, ...] = ()
    settings: LambdaSettings = field(default_factory=LambdaSettings)


class Reading(Struct, frozen=True, kw_only=True):
    """What one file says."""

    functions: tuple[FunctionFound, ...] = ()
    found: tuple[Said, ...] = ()
    left: tuple[Left, ...] = ()


class Survey(Struct, frozen=True, kw_only=True):
    """Everything that was found; the functions as they are to be written."""

    functions: tuple[FunctionFound, ...]
    found: tuple[Said, ...]
    left: tuple[Left, ...]


class Notes(Struct):
    """Collects what a reader meets on its way."""

    found: list[Said] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def say(self, where: str, what: str) -> None:
        """Note a fact, once."""
        if (said := Said(where, what)) not in self.found:
            self.found.append(said)

    def leave(self, where: str, what: str, todo: str) -> None:
        """Note what cannot be carried over, once."""
        if (left := Left(where=where, what=what, todo=todo)) not in self.left:
            self.left.append(left)

    def reading(self, *functions: FunctionFound) -> Reading:
        """What was noted, with the functions that were found."""
        return Reading(functions=functions, found=tuple(self.found), left=tuple(self.left))
