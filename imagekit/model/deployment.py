"""What a deployment is to bring about, and what it did: values that reports and commands read."""

from __future__ import annotations

import re

from msgspec import Struct

_PARTS = re.compile(r"(git|base|was) (\S+)")


class VersionNote(Struct, frozen=True, kw_only=True):
    """What the description of a published version tells; parts that are unknown are None."""

    commit: str | None = None
    base: str | None = None
    was: str | None = None
    """The version that served before."""

    @classmethod
    def parse(cls, description: str) -> VersionNote:
        """Read what `str()` wrote; nothing of any other text."""
        found = {}
        for part in description.split(" · "):
            if match := _PARTS.fullmatch(part):
                found[match[1]] = match[2]
        return cls(commit=found.get("git"), base=found.get("base"), was=found.get("was"))

    def __str__(self) -> str:
        parts = (("git", self.commit), ("base", self.base), ("was", self.was))
        # Description, in Lambda's API: at most 256 characters.
        return " · ".join(f"{word} {value}" for word, value in parts if value)[:256]


class Deployed(Struct, frozen=True, kw_only=True):
    """One function in one place, after (or, in a dry run, before) the steps."""

    function: str
    """As the configuration calls it."""
    name: str
    """As Lambda calls it."""
    stage: str | None = None
    arn: str | None = None
    """Without a version."""
    version: str | None = None
    """The one that serves now."""
    was: str | None = None
    """The one that served before."""
    alias: str | None = None
    image: str | None = None
    """`repository@sha256:…`."""
    zip_sha256: str | None = None
    """Of an archive, in hex."""
    note: VersionNote = VersionNote()
    steps: tuple[str, ...] = ()
    """What was done, in words; in a dry run, what would be."""
    created: str | None = None
    """How the function was made, in words, where it was not there."""
    state: str = "done"
    """`done`, `unchanged`, `planned`, `failed`, or `not started`."""
    problem: str | None = None
    """Why it failed, in a line."""
    seconds: float | None = None

    @property
    def qualified_arn(self) -> str | None:
        """The version's own ARN."""
        return f"{self.arn}:{self.version}" if self.arn and self.version else self.arn


class Step(Struct, frozen=True, kw_only=True):
    """One step of a release that is still to come, for `release --plan`."""

    function: str
    what: str
    stage: str | None = None


class Status(Struct, frozen=True, kw_only=True):
    """One function in one place, as `status` shows it; one for each alias."""

    function: str
    name: str
    stage: str | None = None
    alias: str | None = None
    version: str | None = None
    """None where the function is not deployed."""
    image: str | None = None
    code: str | None = None
    """CodeSha256, as Lambda says it."""
    note: VersionNote = VersionNote()
    previous: str | None = None
    """Reference of the image (or CodeSha256 of the ZIP) that served before."""
    routing: tuple[tuple[str, float], ...] = ()
    state: str | None = None
    """Lambda's word; None where the function is not deployed."""
    reason: str | None = None
