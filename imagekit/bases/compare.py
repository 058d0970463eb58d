"""What differs between two versions of a base. Pure."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct

from imagekit.model.base import BaseFacts
from imagekit.model.outcome import changes

V = TypeVar("V")


class Difference(Struct, frozen=True, kw_only=True):
    """From the pinned one to another; what is the same is empty."""

    packages: tuple[str, ...] = ()
    """In words: `pandas 3.1.0→3.1.1`, `+attrs 26.1`, `-six`."""
    python: tuple[str, str] | None = None
    glibc: tuple[str, str] | None = None
    unzipped_bytes: tuple[int, int] | None = None
    runtime_client: tuple[bool, bool] | None = None
    """Whether it brings a Lambda runtime client, where one of the two does not."""

    @property
    def nothing(self) -> bool:
        """Whether everything that imagekit knows of is the same."""
        return self == Difference()


def compare(before: BaseFacts, after: BaseFacts) -> Difference:
    """What a project on `before` gets with `after`."""
    return Difference(
        packages=changes(dict(before.packages), dict(after.packages)),
        python=_moved(before.python, after.python),
        glibc=_moved(before.glibc, after.glibc),
        unzipped_bytes=_moved(before.unzipped_bytes, after.unzipped_bytes),
        runtime_client=_moved(before.runtime_client, after.runtime_client),
    )


def _moved(before: V, after: V) -> tuple[V, V] | None:
    return None if before == after else (before, after)
