"""Which bytecode a ZIP keeps near its limit, file by file. Pure, and the same on every machine.

What the handler imports comes first: the rest of a package may be most of it, and buys nothing.
Where a profile was kept in `imagekit.lock`, packages whose bytecode saves most for its bytes come
before others; a measurement differs between machines, so only what the lock says of it counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from msgspec import Struct

from imagekit.model.durations import duration
from imagekit.model.gain import BytecodeGain
from imagekit.model.sizes import size

ORDER_FORMAT = 1
"""Raised when another order would be decided from the same inputs."""


class Compiled(Struct, frozen=True, kw_only=True):
    """One `.pyc` that could be kept."""

    path: str
    """Of its source."""
    size_bytes: int
    package: str
    """Normalised name; empty for the project's own code."""
    part: str
    """The layer of the plan that it belongs to."""


class Kept(Struct, frozen=True, kw_only=True):
    """How much of it fits."""

    size_bytes: int
    total_bytes: int
    """Of all bytecode."""
    cut: tuple[str, ...] = ()
    """Parts that lost some, in the order in which they came."""
    reached_bytes: int = 0
    """Of what the handler imports; 0 where nothing had to be looked for."""
    reached_kept_bytes: int = 0
    saved_ms: int | None = None
    """Of one start, as far as it was measured once; None without a measurement."""


class Choice(Struct, frozen=True, kw_only=True):
    """What fits."""

    paths: frozenset[str]
    """Sources whose bytecode is kept."""
    kept: Kept


def all_kept(files: Sequence[Compiled], gains: Sequence[BytecodeGain] = ()) -> Choice:
    """Everything fits."""
    total = sum(file.size_bytes for file in files)
    return Choice(
        paths=frozenset(file.path for file in files),
        kept=Kept(size_bytes=total, total_bytes=total, saved_ms=all_saved_ms(gains)),
    )


def all_saved_ms(gains: Sequence[BytecodeGain]) -> int | None:
    """What all bytecode saves of a start; None without a measurement."""
    return sum(gain.saved_ms for gain in gains) if gains else None


def keep(
    files: Sequence[Compiled],
    room_bytes: int,
    *,
    reached: Set[str],
    gains: Sequence[BytecodeGain] = (),
) -> Choice:
    """As much as fits into `room_bytes`; `reached` are the sources that the handler imports."""
    ordered = in_order(files, reached=reached, gains=gains)
    left, chosen = max(room_bytes, 0), []
    for file in ordered:
        # A large one that does not fit must not stop the small ones after it.
        if file.size_bytes <= left:
            chosen.append(file)
            left -= file.size_bytes
    paths = frozenset(file.path for file in chosen)
    wanted = [file for file in files if file.path in reached]
    kept = Kept(
        size_bytes=sum(file.size_bytes for file in chosen),
        total_bytes=sum(file.size_bytes for file in files),
        cut=tuple(dict.fromkeys(file.part for file in files if file.path not in paths)),
        reached_bytes=sum(file.size_bytes for file in wanted),
        reached_kept_bytes=sum(file.size_bytes for file in wanted if file.path in paths),
        saved_ms=_saved(files, paths, reached, gains) if gains else None,
    )
    return Choice(paths=paths, kept=kept)


def foreseen_words(cut: Sequence[str], room_bytes: int, gains: Sequence[BytecodeGain]) -> str:
    """What is known before anything was compiled: which parts will lose some, and what is left."""
    line = f"hardly room for that of {', '.join(cut)}; {size(room_bytes)} fit"
    line += ", what the handler imports first"
    if (all_ms := all_saved_ms(gains)) is None:
        return line
    saved, left = 0.0, room_bytes
    for gain in sorted(gains, key=_by_worth):
        fits = min(gain.bytecode_bytes, left)
        saved += gain.saved_ms * fits / max(gain.bytecode_bytes, 1)
        left -= fits
    return f"{line}: about {duration(saved)} of the {duration(all_ms)} that all would save a start"


def words(kept: Kept) -> str:
    """For people, after the version that compiled it; empty where there is nothing to say."""
    saves = "" if kept.saved_ms is None else f"saves {duration(kept.saved_ms)} of a start"
    if not kept.cut:
        return saves
    fits = f"{size(kept.size_bytes)} of {size(kept.total_bytes)} fit"
    if kept.reached_kept_bytes == kept.reached_bytes:
        fits += f", with all that the handler imports ({size(kept.reached_bytes)})"
    else:
        imported = f"{size(kept.reached_kept_bytes)} of {size(kept.reached_bytes)}"
        fits += f", {imported} of what the handler imports"
    return "; ".join(part for part in (fits, saves) if part)


def in_order(
    files: Iterable[Compiled], *, reached: Set[str], gains: Sequence[BytecodeGain] = ()
) -> list[Compiled]:
    """What is worth most first: what is imported, your own code before packages, packages by what
    they save for a byte, else the smallest; and in a package by path."""
    listed = list(files)
    ranks = {gain.package: rank for rank, gain in enumerate(sorted(gains, key=_by_worth))}
    seen = {file.package for file in listed if file.path in reached}
    sizes: dict[str, int] = {}
    for file in listed:
        sizes[file.part] = sizes.get(file.part, 0) + file.size_bytes

    def key(file: Compiled) -> tuple[bool, bool, int, int, str, str]:
        # A measured package that no import names is loaded by other means: all of it may be used.
        hidden = file.package in ranks and file.package not in seen
        return (
            file.path not in reached and not hidden,
            file.package != "",
            ranks.get(file.package, len(ranks)),
            sizes[file.part],
            file.part,
            file.path,
        )

    return sorted(listed, key=key)


def _by_worth(gain: BytecodeGain) -> tuple[float, str]:
    return -gain.saved_ms / max(gain.bytecode_bytes, 1), gain.package


def _saved(
    files: Iterable[Compiled], kept: Set[str], reached: Set[str], gains: Iterable[BytecodeGain]
) -> int:
    """Each package's measured saving, for the share of what is imported of it that is kept."""
    shares: dict[str, tuple[int, int]] = {}
    for file in files:
        if file.path in reached:
            some, all_ = shares.get(file.package, (0, 0))
            here = file.size_bytes if file.path in kept else 0
            shares[file.package] = (some + here, all_ + file.size_bytes)
    return round(sum(gain.saved_ms * _share(shares, gain.package) for gain in gains))


def _share(shares: Mapping[str, tuple[int, int]], package: str) -> float:
    some, all_ = shares.get(package, (0, 0))
    return some / all_ if all_ else 0.0
