"""Symbolic links in the source: kept where their target is shipped too, else what they mean."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from pathlib import Path

from imagekit.model.tree import FileEntry
from imagekit.project.content import link_entry
from imagekit.project.ignore import IgnoreFiles
from imagekit.project.neverlist import never_in
from imagekit.project.walk import Place, Walk, under


def settle_links(walk: Walk, root: str, roots: Sequence[str]) -> list[FileEntry]:
    """Links whose target is shipped, as links; other targets inside `roots` join `walk` as files.

    A link that points outside `roots`, at nothing, or at what never goes in becomes a problem: the
    artefact would hold a link to nothing.
    """
    kept: list[FileEntry] = []
    by_disk = {place.disk: arrives for arrives, place in walk.files.items()}
    pending, walk.links = walk.links, {}
    for arrives, link in sorted(pending.items()):
        target = os.path.realpath(link.disk)
        shipped = by_disk.get(target) or _shipped_folder(walk, target)
        if arrives in walk.files:
            walk.clash(walk.files[arrives], link)
        elif shipped is not None:
            text = posixpath.relpath(shipped, posixpath.dirname(arrives) or ".")
            kept.append(link_entry(arrives, text))
        elif what := _unusable(link, target, root, roots):
            walk.problem(link.shown, what)
        else:
            _copy(walk, target, link, root)
    for link in walk.links.values():
        walk.problem(link.shown, "is a link inside a linked folder; name its target in `source`")
    return kept


def _shipped_folder(walk: Walk, target: str) -> str | None:
    arrives = walk.folders.get(target)
    if arrives and any(path.startswith(f"{arrives}/") for path in walk.files):
        return arrives
    return None


def _unusable(link: Place, target: str, root: str, roots: Sequence[str]) -> str | None:
    said = os.readlink(link.disk)  # noqa: PTH115 - as text
    if not os.path.exists(target):  # noqa: PTH110 - text all the way
        return f"is a link to {said}, which is not there"
    if not under(target, roots):
        return f"is a link to {said}, outside the project; name its target in `source`"
    if any(never_in(part) for part in Path(os.path.relpath(target, root)).parts):
        return f"is a link to {said}, which never goes in"
    return None


def _copy(walk: Walk, target: str, link: Place, root: str) -> None:
    shown = Path(os.path.relpath(target, root)).as_posix()
    place = Place(target, shown, link.arrives)
    if not os.path.isdir(target):  # noqa: PTH112 - text all the way
        if not walk.excludes_above(place) and not walk.excludes(place, folder=False):
            walk.take_file(place)
    elif under(link.disk, (target,)):
        walk.problem(link.shown, "is a link to a folder that it lies in itself")
    elif not walk.excludes_above(place) and not walk.excludes(place, folder=True):
        walk.enter(place, IgnoreFiles.above(Path(target), Path(root)))
