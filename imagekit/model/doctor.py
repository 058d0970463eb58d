"""What a look at an account found: frozen words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

State = Literal["ok", "missing", "advice", "unseen"]
"""`missing`: a release would fail. `advice`: it would not. `unseen`: AWS did not let us look."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that a release needs."""

    where: str
    """A function, a repository, or what else it is about; with the stage."""
    what: str
    state: State = "ok"
    hint: str | None = None
    """What mends it, to be typed."""


def worst(findings: Iterable[Finding]) -> int:
    """The exit code: 3 where something could not be looked at, 1 where something is missing."""
    states = {one.state for one in findings}
    return 3 if "unseen" in states else int("missing" in states)
