"""What is known of a base without asking anybody."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from msgspec import Struct

from imagekit.model.base import BaseFacts
from imagekit.model.target import Architecture


class PinnedBase(Struct, frozen=True, kw_only=True):
    """One architecture, as `imagekit.lock` has it."""

    architecture: Architecture
    reference: str
    day: date | None
    facts: BaseFacts


class Saving(Struct, frozen=True, kw_only=True):
    """What one function need not ship, as its base has the same version of it."""

    function: str
    architecture: Architecture
    packages: tuple[str, ...] | None
    """None: which packages the function has is not known before its first build."""
    unzipped_bytes: int
    """Of these packages in the base, without bytecode; of those whose RECORD names their files."""


class Listed(Struct, frozen=True, kw_only=True):
    """A base that can be named here."""

    name: str
    origin: str
    problem: str | None
    """Why it cannot be used."""
    pins: tuple[PinnedBase, ...]
    functions: tuple[str, ...]
    """That are images on it."""
    savings: tuple[Saving, ...]

    @property
    def saved_bytes(self) -> int:
        """Unzipped bytes that its functions would ship without it, summed over all of them."""
        return sum(saving.unzipped_bytes for saving in self.savings)


def unknown(savings: Iterable[Saving]) -> tuple[str, ...]:
    """Functions of which it is not known what they save."""
    return tuple(dict.fromkeys(one.function for one in savings if one.packages is None))
