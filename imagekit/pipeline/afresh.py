"""Which decisions of `imagekit.lock` a run makes afresh."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from imagekit.project.lock_values import Kind, PartKey

IMAGES: frozenset[Kind] = frozenset(("base", "extension"))
"""What others publish, and `--upgrade-base` moves."""


class Afresh(Struct, frozen=True, kw_only=True):
    """What `imagekit lock --upgrade-…` asks for."""

    kinds: frozenset[Kind] = frozenset()
    names: frozenset[str] = frozenset()
    """The only bases and extensions; empty: all of them."""

    def __contains__(self, key: PartKey) -> bool:
        """Whether this part is decided afresh."""
        chosen = key.kind not in IMAGES or not self.names or key.name in self.names
        return key.kind in self.kinds and chosen

    def also(self, name: str) -> Afresh:
        """And this base, where only some are named."""
        return replace(self, names=self.names | {name}) if self.names else self


NOTHING = Afresh()
