"""How large a function may become: limits of the team's own, below Lambda's."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

Key = Literal["unzipped", "compressed", "growth"]


class Budget(Struct, frozen=True, kw_only=True):
    """Each limit by itself; None: not limited."""

    unzipped_bytes: int | None = None
    """All that Lambda unpacks, bytecode and base included: what `plan` calls size."""
    compressed_bytes: int | None = None
    """Of the ZIP, or of all layers of an image, base included."""
    growth_bytes: int | None = None
    """Packages and source, without bytecode, since the last build."""
    growth_percent: float | None = None

    def over(self, below: Budget) -> Budget:
        """These limits, and those of `below` where these say nothing."""
        won = replace(
            self,
            unzipped_bytes=_first(self.unzipped_bytes, below.unzipped_bytes),
            compressed_bytes=_first(self.compressed_bytes, below.compressed_bytes),
        )
        if self.limits_growth:
            return won
        return replace(won, growth_bytes=below.growth_bytes, growth_percent=below.growth_percent)

    @property
    def limits_growth(self) -> bool:
        """Whether the build before matters."""
        return self.growth_bytes is not None or self.growth_percent is not None

    def growth_limit(self, before_bytes: int) -> int | None:
        """Bytes that may be added to so many; None where growth is not limited."""
        if self.growth_percent is not None:
            return int(before_bytes * self.growth_percent / 100)
        return self.growth_bytes


NO_BUDGET: Final = Budget()


class Spent(Struct, frozen=True, kw_only=True):
    """One limit, and how much of it is used."""

    key: Key
    limit_bytes: int
    used_bytes: int
    """Below zero where it shrank."""
    foreseen_bytes: int = 0
    """Of them, bytecode that was not compiled yet: an estimate."""

    @property
    def estimated(self) -> bool:
        """Whether bytecode in it is foreseen, not counted."""
        return self.foreseen_bytes > 0

    @property
    def left_bytes(self) -> int:
        """Below zero: over the budget."""
        return self.limit_bytes - self.used_bytes

    @property
    def broken(self) -> bool:
        """Whether it is surely over the budget, whatever the bytecode that is foreseen."""
        return self.left_bytes + self.foreseen_bytes < 0


class Grown(Struct, frozen=True, kw_only=True):
    """A package, or the source, and what it weighed before; None: it was not there."""

    label: str
    before_bytes: int | None
    after_bytes: int

    @property
    def more_bytes(self) -> int:
        """As much it grew."""
        return self.after_bytes - (self.before_bytes or 0)


class Overrun(Struct, frozen=True, kw_only=True):
    """One artefact that is over its budget."""

    function: str
    architecture: str
    spent: tuple[Spent, ...]
    """The limits that it breaks."""
    grown: tuple[Grown, ...] = ()
    """What grew since the last build, the most first; the heaviest where none is known."""
    compared: bool = False
    """Whether a build before is known."""


def _first(mine: int | None, below: int | None) -> int | None:
    return below if mine is None else mine
