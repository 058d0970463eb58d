"""`include`: further files by pattern, those that git ignores too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from imagekit.model.errors import Problem
from imagekit.project.config import FunctionConfig
from imagekit.project.neverlist import never_in
from imagekit.project.patterns import Patterns
from imagekit.project.walk import Place, Walk

_GLOB = frozenset("*?[\\")


class _Pattern(Struct, frozen=True):
    """One entry of `include`, relative to the configuration's folder."""

    matches: Patterns
    start: str
    """The folder that holds every match, as far as the pattern spells it out."""
    depth: int | None
    """How many folders below `start` a match can lie; None: any number."""


def include(walk: Walk, function: FunctionConfig, root: str, sources: Sequence[Place]) -> None:
    """Add every file that a pattern matches; a pattern that brings nothing is a problem.

    A file inside a source folder arrives with it, as its code looks for it there; any other one
    arrives under its path relative to the configuration.
    """
    where = f"{function.where}.include" if function.where else "include"
    for text in function.include:
        pattern = _pattern(text)
        before = len(walk.problems)
        start = Place(os.path.normpath(os.path.join(root, pattern.start)), pattern.start, "")  # noqa: PTH118
        brought = os.path.isdir(start.disk) and _search(walk, pattern, start, sources)  # noqa: PTH112
        if not brought and len(walk.problems) == before:
            walk.problems.append(Problem(where, f"{text!r} {_why_nothing(text)}"))


def _why_nothing(text: str) -> str:
    if any(never_in(part) for part in text.split("/")):
        return "never goes into an artefact"
    return "brings no file"


def _pattern(text: str) -> _Pattern:
    parts = [part for part in text.split("/") if part not in ("", ".")]
    literal = 0
    while literal < len(parts) - 1 and _GLOB.isdisjoint(parts[literal]):
        literal += 1
    folder = "/" if text.endswith("/") else ""
    return _Pattern(
        matches=Patterns.of(["/" + "/".join(parts) + folder]),
        start="/".join(parts[:literal]),
        depth=None if "**" in parts else len(parts) - literal,
    )


def _search(walk: Walk, pattern: _Pattern, top: Place, sources: Sequence[Place]) -> bool:
    brought = False
    pending = [(top, 1)]
    while pending:
        folder, depth = pending.pop()
        for entry in walk.listing(folder):
            place = folder.inside(entry.name)
            arriving = Place(place.disk, place.shown, _arrival(place, sources))
            is_folder = entry.is_dir(follow_symlinks=False)
            if walk.excludes(arriving, folder=is_folder):
                continue
            if pattern.matches.verdict(place.shown, folder=is_folder):
                brought = _take(walk, entry, arriving) or brought
            elif is_folder and (pattern.depth is None or depth < pattern.depth):
                pending.append((place, depth + 1))
    return brought


def _take(walk: Walk, entry: os.DirEntry[str], place: Place) -> bool:
    if walk.excludes_above(place):
        return False
    if entry.is_dir(follow_symlinks=False):
        walk.enter(place, None)
        return True
    walk.take(entry, place)
    return place.arrives in walk.files or place.arrives in walk.links


def _arrival(place: Place, sources: Sequence[Place]) -> str:
    for source in sources:
        if place.disk.startswith(source.disk + os.sep):
            inside = Path(os.path.relpath(place.disk, source.disk)).as_posix()
            return f"{source.arrives}/{inside}" if source.arrives else inside
    return place.shown
