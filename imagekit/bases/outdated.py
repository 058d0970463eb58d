"""What a look at a base's registry found, and what that means for the one who asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

from msgspec import Struct

from imagekit.bases.compare import Difference
from imagekit.model.target import Architecture

Status = Literal["behind", "current", "unpinned", "composed", "folder", "fixed", "unknown"]
"""`composed`: made here of a distribution's packages, so that no registry knows of a newer one;
`fixed`: named by digest alone; `unknown`: it could not be looked at."""

BEHIND, NOT_LOOKED = 1, 3
"""Exit statuses: what is behind is told even where another one could not be looked at."""


class Look(Struct, frozen=True, kw_only=True):
    """One architecture of one base that functions use."""

    name: str
    """As the configuration says it."""
    architecture: Architecture
    functions: tuple[str, ...]
    status: Status
    reference: str
    """The pinned one, else what the configuration names."""
    pinned: date | None = None
    held: bool = False
    """The configuration names a digest: no upgrade moves that."""
    below: str | None = None
    """The base that it starts from, where that was looked at in its place."""
    newer: str | None = None
    """With the digest where it was read."""
    tags: tuple[str, ...] = ()
    """Every calendar tag after the pinned one, the newest last."""
    difference: Difference | None = None
    """None: not known."""
    why: str | None = None
    """What kept it from being looked at, or from being compared."""


def exit_status(looks: Iterable[Look]) -> int:
    """0 where everything was looked at and nothing is behind."""
    found = {look.status for look in looks}
    if "behind" in found:
        return BEHIND
    return NOT_LOOKED if "unknown" in found else 0
