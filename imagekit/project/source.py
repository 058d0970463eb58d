"""The project's own files: what a function's `source`, `include` and `exclude` make of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from imagekit.model.errors import ConfigError, Problem
from imagekit.model.tree import FileEntry, Tree
from imagekit.project.config import FunctionConfig
from imagekit.project.content import file_entry
from imagekit.project.ignore import IgnoreFiles
from imagekit.project.include import include
from imagekit.project.links import settle_links
from imagekit.project.neverlist import is_code_folder, is_module, never_in
from imagekit.project.patterns import Patterns
from imagekit.project.walk import Place, Walk

_GLOB = frozenset("*?[")


def source_tree(function: FunctionConfig) -> Tree:
    """Every file that the function brings, under the name it arrives with, owned by `source`.

    Nothing on the never-list, nothing that `exclude` names; tests, notebooks and what git ignores
    only where `include` brings them. Raises ConfigError with every problem at once.
    """
    walk, root, places = _walked(function)
    roots = (root, *(place.disk for place in places))
    links = settle_links(walk, root, roots)
    entries = list(_entries(walk))
    if walk.problems:
        problems = tuple(_as_seen(problem, function) for problem in walk.problems)
        raise ConfigError(problems=problems, hint=_hint(function))
    return Tree.of((*entries, *links))


def watched(function: FunctionConfig) -> frozenset[str]:
    """Files and folders of this machine that the source may change with."""
    walk, root, places = _walked(function)
    files = {place.disk for place in (*walk.files.values(), *walk.links.values(), *places)}
    folders = {os.path.dirname(path) for path in files}  # noqa: PTH120 - text all the way
    return frozenset({root, *files, *folders, *walk.folders})


def _walked(function: FunctionConfig) -> tuple[Walk, str, list[Place]]:
    """What was found, the real root, and where it began."""
    root = os.path.realpath(function.root)
    walk = Walk(Patterns.of(function.exclude))
    places = list(_places(function, root, walk))
    for place in places:
        _enter(walk, place, root)
    include(walk, function, root, [*places, *_src(function, root)])
    return walk, root, places


def _hint(function: FunctionConfig) -> str:
    file = function.where.partition(":")[0] or "the configuration"
    return f"correct `source` or `include` in {file}, or name what is not meant in `exclude`"


def _as_seen(problem: Problem, function: FunctionConfig) -> Problem:
    """With the file's path from where the configuration's own is told from, as in a workspace
    many folders have an `app.py`."""
    folder = PurePosixPath(function.where.partition(": ")[0]).parent
    if function.where and problem.where.startswith(function.where):
        return problem
    return Problem((folder / problem.where).as_posix(), problem.what)


def _entries(walk: Walk) -> Iterator[FileEntry]:
    for arrives, place in walk.files.items():
        try:
            yield file_entry(place.disk, arrives)
        except OSError as error:
            walk.problem(place.shown, f"cannot be read: {error.strerror or error}")


def _enter(walk: Walk, place: Place, root: str) -> None:
    if walk.excludes_above(place):
        return
    folder = os.path.isdir(place.disk)  # noqa: PTH112 - text all the way
    if walk.excludes(place, folder=folder) or not walk.named(place):
        return
    if os.path.islink(place.disk):  # noqa: PTH114 - text all the way
        walk.take_link(place)
    elif folder:
        walk.enter(place, IgnoreFiles.above(Path(place.disk), Path(root)))
    else:
        walk.take_file(place)


def _places(function: FunctionConfig, root: str, walk: Walk) -> Iterator[Place]:
    if function.source is None:
        yield from _beside(function, root, walk)
        return
    for entry in function.source:
        found = list(_named(entry, root, walk))
        if not found:
            where = f"{function.where}.source" if function.where else "source"
            walk.problems.append(Problem(where, f"there is no {entry} in {function.root}"))
        yield from found


def _named(entry: str, root: str, walk: Walk) -> Iterator[Place]:
    """The folders and modules that one entry of `source` names."""
    if os.path.normpath(entry) == ".":
        yield from _code_in(Place(root, "", ""), walk)
        return
    if _GLOB.isdisjoint(entry):
        paths: Iterable[Path] = (Path(root, entry),)
    else:
        paths = (path for path in sorted(Path(root).glob(entry)) if not _no_package(path.name))
    for path in paths:
        if path.exists():
            disk = os.path.realpath(path)
            shown = Path(os.path.relpath(path, root)).as_posix()
            if never_in(Path(shown).name):
                walk.problem(shown, "never goes into an artefact")
            yield Place(disk, shown, Path(shown).name)


def _no_package(name: str) -> bool:
    return name.startswith(".") or never_in(name) or name.endswith(".egg-info")


def _src(function: FunctionConfig, root: str) -> list[Place]:
    """`src`, whose entries arrive under their own names where no `source` says otherwise."""
    disk = os.path.realpath(os.path.join(root, "src"))  # noqa: PTH118 - text all the way
    found = function.source is None and os.path.isdir(disk)  # noqa: PTH112 - text all the way
    return [Place(disk, "src", "")] if found else []


def _beside(function: FunctionConfig, root: str, walk: Walk) -> Iterator[Place]:
    """`src/*` where there is any, else the packages and modules beside the configuration."""
    for src in _src(function, root):
        names = [name for name in _visible(src, root, walk) if not _no_package(name)]
        if names:
            yield from (src.inside(name) for name in names)
            return
    yield from _code_in(Place(root, "", ""), walk)


def _code_in(top: Place, walk: Walk) -> Iterator[Place]:
    for name in _visible(top, top.disk, walk):
        place = top.inside(name)
        if os.path.isdir(place.disk):  # noqa: PTH112 - text all the way
            if is_code_folder(name) and _holds_python(place.disk):
                yield place
        elif is_module(name):
            yield place


def _visible(place: Place, root: str, walk: Walk) -> list[str]:
    """Names of the entries that git does not ignore, sorted."""
    ignore = IgnoreFiles.above(Path(place.disk), Path(root)).reading(place.disk)
    return sorted(
        entry.name
        for entry in walk.listing(place)
        if not ignore.ignores(entry.name, folder=entry.is_dir(follow_symlinks=False))
    )


def _holds_python(folder: str) -> bool:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    return "pyvenv.cfg" not in names and any(name.endswith(".py") for name in names)
