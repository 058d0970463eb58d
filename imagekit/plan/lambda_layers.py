"""Which packages share a Lambda layer: what changes most rarely first, your own last. Pure.

All layers are unpacked over each other into one `/opt/python`, behind `/var/task`: packages of
several layers may share a top-level name, but nothing in a layer may share one with your code.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from imagekit.plan.unpacking import Piece, movable

ALONE_BYTES = 10_000_000
"""Unzipped: a package of this size is worth a layer that nothing else changes."""


class Shelf(Struct, frozen=True, kw_only=True):
    """One Lambda layer to be."""

    label: str
    pieces: tuple[Piece, ...]
    """In the order of the plan."""

    @property
    def unzipped_bytes(self) -> int:
        """With bytecode, foreseen."""
        return sum(piece.unzipped_bytes for piece in self.pieces)

    @property
    def packed_bytes(self) -> int:
        """Of its ZIP, foreseen."""
        return sum(piece.packed_bytes for piece in self.pieces)


def shelved(function: str, pieces: Sequence[Piece], room: int) -> tuple[Shelf, ...]:
    """At most `room` layers, which is 1 or more: heavy packages alone, the others together, your
    own in the last one. What shares a name with your code is in none.

    `pieces` come in the order of the plan, the heaviest class first, so that a bump that adds a few
    bytes moves no package into another layer.
    """
    names = {piece.name for group in movable(pieces, own=True) for piece in group}
    foreign = [piece for piece in pieces if piece.name in names and not piece.own]
    own = [piece for piece in pieces if piece.name in names and piece.own]
    if not foreign or room == 1:
        return _together(f"{function}-packages", [*foreign, *own])
    left = room - bool(own)
    heavy = [piece for piece in foreign if piece.unzipped_bytes >= ALONE_BYTES]
    # The last of them is for all others, where there are others.
    alone = heavy if len(heavy) == len(foreign) <= left else heavy[: left - 1]
    rest = [piece for piece in foreign if piece not in alone]
    return (
        *(Shelf(label=piece.name, pieces=(piece,)) for piece in alone),
        *_together(f"{function}-packages", rest),
        *_together(f"{function}-own", own),
    )


def _together(label: str, pieces: Sequence[Piece]) -> tuple[Shelf, ...]:
    return (Shelf(label=label, pieces=tuple(pieces)),) if pieces else ()
