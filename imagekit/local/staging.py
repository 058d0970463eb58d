"""The project's own files, laid out in a folder that is mounted over `/var/task`.

A mount shows what lies in it now, so a change of the source is a change of this folder: no layer
is made, and nothing is loaded. Files are written in place, as a mounted file is its inode.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from imagekit.model.tree import FileEntry, Tree, ancestors

_PLAIN, _RUNNABLE, _FOLDER = 0o644, 0o755, 0o755


def mount_points(source: Iterable[str], packages: Iterable[str]) -> tuple[str, ...]:
    """The fewest paths that, mounted, show all of the source and hide no file of a package. Pure.

    Paths are relative to one root, with `/`. Where both have files in a folder, what lies in it is
    mounted instead.
    """
    shared = {folder for path in packages for folder in ancestors(path)}
    return tuple(sorted({_top(path, shared) for path in source}))


def _top(path: str, shared: set[str]) -> str:
    folders = [*reversed(list(ancestors(path))), path]
    return next((folder for folder in folders if folder not in shared), path)


def lay_out(tree: Tree, folder: Path) -> None:
    """Have `folder` hold the tree and nothing else, with the modes that an image has."""
    files, folders = {entry.path for entry in tree}, set(tree.folders())
    for path, is_folder in _below(folder):
        if path.relative_to(folder).as_posix() not in (folders if is_folder else files):
            path.rmdir() if is_folder else path.unlink()
    for name in tree.folders():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name).chmod(_FOLDER)
    for entry in tree:
        _write(entry, folder / entry.path)


def _below(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Everything in it, the deepest first, and whether it is a folder: a link to one is none."""
    for here, folders, files in os.walk(folder, topdown=False):
        paths = [Path(here, name) for name in (*files, *folders)]
        yield from ((path, path.is_dir() and not path.is_symlink()) for path in paths)


def _write(entry: FileEntry, path: Path) -> None:
    if entry.link_target is not None:
        if not path.is_symlink() or str(path.readlink()) != entry.link_target:
            path.unlink(missing_ok=True)
            path.symlink_to(entry.link_target)
        return
    if path.is_symlink():
        path.unlink()
    data = entry.content.read()
    with suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return
    with path.open("r+b" if path.exists() else "xb") as file:
        file.write(data)
        file.truncate()
    path.chmod(_RUNNABLE if entry.executable else _PLAIN)
