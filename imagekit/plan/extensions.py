"""Extensions on a base: what cannot work together, and what is worth a word. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from imagekit.check.limits import MAX_EXTENSIONS
from imagekit.model.base import Base
from imagekit.model.extension import Extension

_PROGRAMS = "extensions/"


def contradictions(
    extensions: Sequence[Extension], base: Base, taken: Iterable[str] = ()
) -> Iterator[str]:
    """Why these cannot lie on that base together; `taken` are places below `/opt` of our own."""
    for place, names in _shared(extensions):
        if place.startswith(_PROGRAMS):
            yield f"{_both(names)} bring /opt/{place}, and one of the two would never run"
    for extension in extensions:
        for place in sorted(set(taken) & set(extension.facts.places)):
            yield f"{extension.name} fills /opt/{place}, where imagekit keeps the runtime client"
        if _newer(extension.facts.glibc, base.facts.glibc):
            yield (
                f"{extension.name} asks for glibc {extension.facts.glibc}; "
                f"the base {base.name} has {base.facts.glibc}"
            )
    if (count := sum(len(extension.facts.programs) for extension in extensions)) > MAX_EXTENSIONS:
        yield f"bring {count} programs; Lambda takes at most {MAX_EXTENSIONS}"


def remarks(extensions: Sequence[Extension], base: Base) -> Iterator[str]:
    """What works, and may be a mistake: later extensions win, as Lambda layers do."""
    for place, names in _shared(extensions):
        if not place.startswith(_PROGRAMS):
            yield f"{_both(names)} fill /opt/{place}: files of {names[-1]} win"
    there = dict(base.facts.packages)
    for extension in extensions:
        for name, version in extension.facts.packages:
            if there.get(name, version) != version:
                yield (
                    f"{extension.name} brings {name} {version}, "
                    f"and the base {base.name} has {there[name]}"
                )


def overridden(extensions: Iterable[Extension]) -> dict[str, frozenset[str]]:
    """Versions by package that extensions bring, where they come before the base's own.

    A function that locks another version must carry its own copy: it cannot lean on the base's.
    """
    found: dict[str, frozenset[str]] = {}
    for extension in extensions:
        for name, version in extension.facts.packages:
            found[name] = found.get(name, frozenset()) | {version}
    return found


def _shared(extensions: Sequence[Extension]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Places that several fill, with their names in stacking order."""
    owners: dict[str, list[str]] = {}
    for extension in extensions:
        for place in extension.facts.places:
            owners.setdefault(place, []).append(extension.name)
    for place in sorted(owners):
        if len(owners[place]) > 1:
            yield place, tuple(owners[place])


def _both(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _newer(asked: str | None, there: str) -> bool:
    return asked is not None and _version(asked) > _version(there)


def _version(dotted: str) -> tuple[int, ...]:
    return tuple(int(part) for part in dotted.split(".") if part.isdigit())
