"""What of a ZIP is unpacked to `/tmp` at start: decided from sizes and names alone. Pure.

Unpacking costs time at each start, so the fewest bytes are that make enough room. Packages that
share a top-level name stay together, as a regular package lies in one folder of `sys.path`; your
own code, your own packages and what shares a name with them stay in `/var/task`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from imagekit.model.errors import TooLarge
from imagekit.model.packaging import DEFAULT_STORAGE, Unpacks

MOST_STORAGE = 10_240

_SPARE = 0.98
"""Packed sizes and bytecode are foreseen: what is left is room for being wrong."""

_STEPS = 1000
"""As fine as the room that is needed is looked at."""

_SHARED_BY_ALL = frozenset({"bin"})
"""A folder of scripts, which is no package."""


class Piece(Struct, frozen=True, kw_only=True):
    """One layer of a plan, as it would be in the ZIP or unpacked."""

    name: str
    unzipped_bytes: int
    """With bytecode."""
    packed_bytes: int
    """Of it, compressed."""
    disk_bytes: int
    """In `/tmp`, in whole blocks."""
    tops: frozenset[str]
    movable: bool = True
    """Whether it may lie elsewhere than your code: it shares no name with that."""
    own: bool = False
    """Your own package, which changes with your code: never unpacked at start."""


def nested(pieces: Sequence[Piece], limit_bytes: int) -> Unpacks:
    """What has to be compressed again, so that the rest stays below the limit with its bytecode."""
    over = sum(piece.unzipped_bytes for piece in pieces) - int(limit_bytes * _SPARE) + 1
    chosen = _least(list(movable(pieces)), over) if over > 0 else []
    return _unpacks(pieces, {piece.name for group in chosen for piece in group}, None)


def in_bucket(pieces: Sequence[Piece], bucket: str) -> Unpacks:
    """All that may lie elsewhere: then a change of your code sends your code alone."""
    names = {piece.name for group in movable(pieces) for piece in group}
    return _unpacks(pieces, names, bucket)


def outer_bytes(pieces: Iterable[Piece], unpacks: Unpacks) -> int:
    """What Lambda counts against the limit of a ZIP."""
    stay = sum(piece.unzipped_bytes for piece in pieces if piece.name not in unpacks.layers)
    return stay + (0 if unpacks.bucket else unpacks.packed_bytes)


def check_storage(unpacks: Unpacks, storage: int | None) -> None:
    """TooLarge where `/tmp` is too small for it; `storage` in MB as the configuration says it."""
    limit = (storage or DEFAULT_STORAGE) * 1024**2
    if unpacks.disk_bytes <= limit:
        return
    needed = storage_for(unpacks.disk_bytes)
    raises = f"write `lambda.storage = {needed}`"
    raise TooLarge(
        what=f"what is unpacked to /tmp at start ({len(unpacks.layers)} parts)",
        limit_bytes=limit,
        actual_bytes=unpacks.disk_bytes,
        hint=raises if needed <= MOST_STORAGE else 'write `packaging = "image"`',
    )


def storage_for(disk_bytes: int) -> int:
    """MB of `/tmp` that hold it and leave an eighth to the function, in steps of 64."""
    wanted = disk_bytes * 9 // 8
    return max(DEFAULT_STORAGE, -(-wanted // (64 * 1024**2)) * 64)


def _unpacks(pieces: Sequence[Piece], names: set[str], bucket: str | None) -> Unpacks:
    inside = [piece for piece in pieces if piece.name in names]
    return Unpacks(
        layers=tuple(piece.name for piece in inside),
        packed_bytes=sum(piece.packed_bytes for piece in inside),
        unpacked_bytes=sum(piece.unzipped_bytes for piece in inside),
        disk_bytes=sum(piece.disk_bytes for piece in inside),
        bucket=bucket,
    )


def movable(pieces: Iterable[Piece], *, own: bool = False) -> Iterator[tuple[Piece, ...]]:
    """Groups that may lie elsewhere than your code; `own` packages among them only if asked for."""
    for group in _together(pieces):
        if all(piece.movable and (own or not piece.own) for piece in group):
            yield group


def _together(pieces: Iterable[Piece]) -> list[tuple[Piece, ...]]:
    """Pieces that share a top-level name, and those that share one with them."""
    groups: list[tuple[frozenset[str], tuple[Piece, ...]]] = []
    for piece in pieces:
        tops = piece.tops - _SHARED_BY_ALL
        members: tuple[Piece, ...] = (piece,)
        apart = []
        for other, theirs in groups:
            if other & tops:
                tops, members = tops | other, (*theirs, *members)
            else:
                apart.append((other, theirs))
        groups = [*apart, (tops, members)]
    return [members for _, members in groups]


def _least(groups: Sequence[tuple[Piece, ...]], over: int) -> list[tuple[Piece, ...]]:
    """The groups that make so many bytes of room and unpack the least: a knapsack, in steps.

    All of them where even that is not enough.
    """
    step = max(over // _STEPS, 1)
    goal = -(-over // step)
    best: list[tuple[int, tuple[int, ...]] | None] = [(0, ()), *[None] * goal]
    for number, group in enumerate(groups):
        gain = max(_gain(group) // step, 0)
        # Downwards: what this group reaches was looked at already, so it is taken once.
        for have in range(goal, -1, -1) if gain else ():
            if (known := best[have]) is not None:
                reached = min(goal, have + gain)
                there = (known[0] + _unzipped(group), (*known[1], number))
                best[reached] = min(best[reached] or there, there)
    found = best[goal]
    return list(groups) if found is None else [groups[number] for number in found[1]]


def _gain(group: tuple[Piece, ...]) -> int:
    return _unzipped(group) - sum(piece.packed_bytes for piece in group)


def _unzipped(group: tuple[Piece, ...]) -> int:
    return sum(piece.unzipped_bytes for piece in group)
