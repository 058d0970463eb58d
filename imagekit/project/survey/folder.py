"""The project's folder as a value: which files there are, and the text of those that say something.

All that decides works on this value; only `survey.py` and `descriptions.py` read files besides.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from imagekit.model.errors import ConfigError, Problem
from imagekit.project.ignore import IgnoreFiles
from imagekit.project.neverlist import left_out, never_in

_DEPTH = 8
"""Folders below the project; handlers lie near the top, and vendored trees are deep."""
_TEXT_BYTES = 1_000_000
_SKIPPED = frozenset(
    {"node_modules", "site-packages", "venv", "build", "dist", "cdk.out", "base_images"}
)
_NOT_A_HANDLER = frozenset({"doc", "docs", "example", "examples", "test", "tests", "benchmarks"})
_DOCKERFILE = re.compile(r"(?i)(?:.*\.)?dockerfile(?:\..+)?")


class Folder(Struct, frozen=True, kw_only=True):
    """Paths are relative to the project, with `/`."""

    name: str
    files: frozenset[str]
    """Those that git ignores, too; none in virtual environments and hidden folders."""
    texts: Mapping[str, str]
    """Of Python modules that may be part of a function, and of Dockerfiles."""

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.files

    def holds(self, folder: str) -> bool:
        """Whether there is a file somewhere in `folder`."""
        return folder in ("", ".") or any(path.startswith(f"{folder}/") for path in self.files)

    def inside(self, folder: str) -> Iterator[str]:
        """Names of what lies right in `folder`, folders with a final slash, sorted."""
        prefix = "" if folder in ("", ".") else f"{folder}/"
        under = (path.removeprefix(prefix) for path in self.files if path.startswith(prefix))
        names = {name + slash for name, slash, _ in (path.partition("/") for path in under)}
        yield from sorted(names)

    def holds_python(self, folder: str) -> bool:
        """Whether a module lies right in `folder`: by this a folder counts as code."""
        return any(name.endswith(".py") for name in self.inside(folder))


def read_folder(root: Path) -> Folder:
    """Walk the project. Raises ConfigError where a folder cannot be read."""
    files: set[str] = set()
    texts: dict[str, str] = {}
    for path, telling in _walk(root, IgnoreFiles.above(root, root), "", wanted=True):
        files.add(path)
        if telling and (text := _text(root / path)) is not None:
            texts[path] = text
    return Folder(name=root.resolve().name, files=frozenset(files), texts=texts)


def read_text(root: Path, name: str) -> str:
    """A file that the user named or that is known by its name; ConfigError if it is not text."""
    try:
        return (root / name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(name, "is not UTF-8")
        raise ConfigError(problems=(problem,), hint=f"save {name} as UTF-8") from error
    except OSError as error:
        problem = Problem(name, f"cannot be read: {error.strerror or error}")
        raise ConfigError(problems=(problem,), hint=f"make {name} readable") from error


def _walk(
    root: Path, ignore: IgnoreFiles, prefix: str, *, wanted: bool
) -> Iterator[tuple[str, bool]]:
    """Every file, and whether its text may tell something about a function: git knows it."""
    entries = _entries(root / prefix)
    if any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    ignore = ignore.reading(root / prefix)
    for entry in entries:
        name, folder = entry.name, entry.is_dir(follow_symlinks=False)
        if name.startswith(".") or never_in(name) or (folder and _skips(name, prefix)):
            continue
        known = wanted and not ignore.ignores(name, folder=folder)
        if folder:
            yield from _walk(root, ignore.below(name), f"{prefix}{name}/", wanted=known)
        elif entry.is_file():
            yield prefix + name, known and _tells(name, prefix)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        problem = Problem(str(folder), f"cannot be read: {error.strerror or error}")
        raise ConfigError(problems=(problem,), hint=f"make {folder} readable") from error


def _skips(name: str, prefix: str) -> bool:
    return name in _SKIPPED or name.endswith(".egg-info") or prefix.count("/") >= _DEPTH


def _tells(name: str, prefix: str) -> bool:
    if _DOCKERFILE.fullmatch(name):
        return True
    aside = any(part.lower() in _NOT_A_HANDLER for part in prefix.split("/"))
    return name.endswith(".py") and not aside and not left_out(name, folder=False)


def _text(path: Path) -> str | None:
    try:
        if path.stat().st_size > _TEXT_BYTES:
            return None
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None  # a build would say it; here it is no handler


def dockerfiles(paths: Iterable[str]) -> list[str]:
    """Those that are called like a Dockerfile, the one at the top first."""
    found = (path for path in paths if _DOCKERFILE.fullmatch(path.rpartition("/")[2]))
    return sorted(found, key=lambda path: (path.count("/"), path))
