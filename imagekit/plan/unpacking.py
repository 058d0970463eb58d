"""What of a ZIP is unpacked to `/tmp` at start: decided from sizes and names alone. Pure.

Unpacking costs time at each start, so as little as possible is: first what shrinks most, as that
makes the most room for each byte. Packages that share a top-level name stay together, as a regular
package lies in one folder of `sys.path`; your own code, your own packages and what shares a name
with them stay in `/var/task`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from imagekit.model.errors import TooLarge
from imagekit.model.packaging import Unpacks

DEFAULT_STORAGE = 512
"""MB of `/tmp` where the configuration says nothing (lambda_rules P6)."""

MOST_STORAGE = 10_240

_SPARE = 0.98
"""Packed sizes and bytecode are foreseen: what is left is room for being wrong."""

_SHARED_BY_ALL = frozenset({"bin"})
"""A folder of scripts, which is no package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
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
    """Whether it may be unpacked elsewhere than where your code lies."""


def nested(pieces: Sequence[Piece], limit_bytes: int) -> Unpacks:
    """What has to be compressed again, so that the rest stays below the limit with its bytecode."""
    room = int(limit_bytes * _SPARE)
    outer = sum(piece.unzipped_bytes for piece in pieces)
    chosen: list[tuple[Piece, ...]] = []
    for group in sorted(_movable(pieces), key=_by_gain):
        if outer < room:
            break
        chosen.append(group)
        outer -= _gain(group)
    # The last one may have made those before it needless.
    for group in sorted(chosen, key=_unzipped, reverse=True):
        if outer + _gain(group) < room:
            chosen.remove(group)
            outer += _gain(group)
    return _unpacks(pieces, {piece.name for group in chosen for piece in group}, None)


def in_bucket(pieces: Sequence[Piece], bucket: str) -> Unpacks:
    """All that may lie elsewhere: then a change of your code sends your code alone."""
    movable = {piece.name for group in _movable(pieces) for piece in group}
    return _unpacks(pieces, movable, bucket)


def outer_bytes(pieces: Iterable[Piece], unpacks: Unpacks) -> int:
    """What Lambda counts against the limit of a ZIP."""
    stay = sum(piece.unzipped_bytes for piece in pieces if piece.name not in unpacks.layers)
    return stay + (0 if unpacks.bucket else unpacks.packed_bytes)


def check_storage(unpacks: Unpacks, storage: int | None) -> None:
    """TooLarge where `/tmp` is too small for it; `storage` in MB as the configuration says it."""
    limit = (storage or DEFAULT_STORAGE) * 1024**2
    if unpacks.unpacked_bytes <= limit:
        return
    needed = storage_for(unpacks.unpacked_bytes)
    raises = f"write `lambda.storage = {needed}`"
    raise TooLarge(
        what=f"what is unpacked to /tmp at start ({len(unpacks.layers)} parts; lambda_rules P6)",
        limit_bytes=limit,
        actual_bytes=unpacks.unpacked_bytes,
        hint=raises if needed <= MOST_STORAGE else 'write `packaging = "image"`',
    )


def storage_for(unpacked_bytes: int) -> int:
    """MB of `/tmp` that hold it and leave an eighth to the function, in steps of 64."""
    wanted = unpacked_bytes * 9 // 8
    return max(DEFAULT_STORAGE, -(-wanted // (64 * 1024**2)) * 64)


def _unpacks(pieces: Sequence[Piece], names: set[str], bucket: str | None) -> Unpacks:
    inside = [piece for piece in pieces if piece.name in names]
    return Unpacks(
        layers=tuple(piece.name for piece in inside),
        packed_bytes=sum(piece.packed_bytes for piece in inside),
        unpacked_bytes=sum(piece.disk_bytes for piece in inside),
        bucket=bucket,
    )


def _movable(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, ...]]:
    for group in _together(pieces):
        if all(piece.movable for piece in group):
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


def _by_gain(group: tuple[Piece, ...]) -> tuple[float, str]:
    return -_gain(group) / max(_unzipped(group), 1), group[0].name


def _gain(group: tuple[Piece, ...]) -> int:
    return _unzipped(group) - sum(piece.packed_bytes for piece in group)


def _unzipped(group: tuple[Piece, ...]) -> int:
    return sum(piece.unzipped_bytes for piece in group)
