"""What an artefact is made without: what was asked for, and what that takes out of a package."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, Literal, get_args

from msgspec import Struct

Profile = Literal["off", "safe", "max"]
PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)

RULES: Final = 1
"""Raised when the same words leave out other files: it is part of every recipe but `off`'s."""


class SlimSettings(Struct, frozen=True, kw_only=True):
    """What the configuration of a function or of a shared base says."""

    profile: Profile = "safe"
    keep: tuple[str, ...] = ()
    """Patterns of paths under the artefact's root that stay, whatever else says otherwise."""
    drop: tuple[str, ...] = ()
    """Patterns of paths under the artefact's root that go."""
    exclude_packages: tuple[str, ...] = ()
    """Normalised names of packages in the lock that are left out whole."""
    provided: tuple[str, ...] = ()
    """Normalised names of packages that the runtime or the base brings."""
    services: tuple[str, ...] = ()
    """The services of AWS whose models botocore keeps; none: all of them."""
    inherited: bool = False
    """`exclude_packages` is said for several functions: not each of them has every package."""


BY_DEFAULT: Final = SlimSettings()
"""Where the configuration says nothing."""


class Slim(Struct, frozen=True, kw_only=True):
    """How one package is slimmed; as it stands here, not at all."""

    profile: Profile = "off"
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    reads_stubs: bool = False
    """Another package of the lock opens `.pyi` files when it runs."""
    symbols: int | None = None
    """The recipe by which shared objects are stripped; None leaves them as they are."""

    @property
    def key(self) -> str:
        """Part of the recipe of what is made; empty where nothing is left out."""
        if self.profile == "off" and not self.drop and not self.services:
            return ""
        said = [RULES, self.profile, self.keep, self.drop, self.services, self.reads_stubs]
        said += [] if self.symbols is None else [self.symbols]
        return json.dumps(said, separators=(",", ":"))


WHOLE: Final = Slim()
"""A package as its wheel has it."""


class Dropped(Struct, frozen=True):
    """One file that is left out."""

    path: str
    size_bytes: int
    reason: str
    """For people, as a kind of file: `tests`, `type stubs`, `asked for`."""


class Saved(Struct, frozen=True):
    """What one reason left out, together."""

    reason: str
    unzipped_bytes: int
    files: int


def saved(dropped: Iterable[Dropped]) -> tuple[Saved, ...]:
    """By reason, the largest first."""
    sizes: dict[str, list[int]] = {}
    for one in dropped:
        sizes.setdefault(one.reason, []).append(one.size_bytes)
    found = (Saved(reason, sum(of_one), len(of_one)) for reason, of_one in sizes.items())
    return tuple(sorted(found, key=lambda one: (-one.unzipped_bytes, one.reason)))


class LeftOut(Struct, frozen=True):
    """A package of the lock that is not in the artefact, and why."""

    package: str
    """`name version`."""
    why: str


class Slimmed(Struct, frozen=True, kw_only=True):
    """What slimming did to one artefact."""

    profile: Profile = "off"
    saved: tuple[Saved, ...] = ()
    """The largest first."""
    left_out: tuple[LeftOut, ...] = ()

    @property
    def unzipped_bytes(self) -> int:
        """What all reasons left out; whole packages are not counted."""
        return sum(one.unzipped_bytes for one in self.saved)


NOTHING_LEFT_OUT: Final = Slimmed()
