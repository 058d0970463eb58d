"""Files and folders that the user named for answers: tried before anything is made or sent.

What can only be known to fail at the end, as a disk that fills up meanwhile, is told then.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable
from pathlib import Path

from imagekit.model.errors import CannotBuild, UsageError

_MAY_CHANGE = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def require_files(named: Iterable[tuple[str, Path | None]]) -> None:
    """Each option, or variable, with its file. UsageError for all that cannot be written at once;
    none is made or changed."""
    problems = [
        f"{option} {path} cannot be written: {why}"
        for option, path in named
        if path is not None and (why := _why_no_file(path))
    ]
    if problems:
        raise UsageError(what="; ".join(problems), hint="name a file in a folder that is there")


def require_folder(option: str, folder: Path) -> None:
    """UsageError where `folder` is not there and cannot be made, or takes no file."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if why := f"{place} is a file" if place.is_file() else _refused_in(place):
        raise UsageError(
            what=f"{option} {folder} cannot be written: {why}", hint="name a folder with `--output`"
        )


def write_file(option: str, path: Path, text: str, mode: str = "w") -> None:
    """Write, or with mode `a` append. CannotBuild where the disk refuses by now."""
    try:
        with path.open(mode, encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise CannotBuild(
            what=f"{option} {path} cannot be written",
            causes=(error.strerror or str(error),),
            hint="free some disk, or name another file",
        ) from error


def _why_no_file(path: Path) -> str | None:
    if path.is_dir():
        return "it is a folder"
    if not path.exists():
        return _refused_in(path.parent)
    if not path.is_file():
        return None  # opening a pipe would wait for its reader
    try:
        with path.open("ab"):
            return None
    except OSError as error:
        return _words(error)


def _refused_in(folder: Path) -> str | None:
    """Why no file can be made there."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return _words(error)


def _words(error: OSError) -> str | None:
    return None if error.errno in _MAY_CHANGE else error.strerror or str(error)
