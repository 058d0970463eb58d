"""What other tools copy, in the words of `source` and `include`.

Everything in `source` arrives under its own last name, everything in `include` under its own
relative path; nothing arrives under another name, so a copy that renames cannot be carried over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from msgspec import Struct

from imagekit.project.neverlist import is_code_folder, is_module
from imagekit.project.survey.folder import Folder, dockerfiles

_SHOWN = 4
# What a project has at its top that its functions do not read.
_PAPERS = re.compile(
    r"(?i)readme.*|licen[sc]e.*|notice.*|changelog.*|makefile|template\.(ya?ml|json)|"
    r"samconfig\..*|buildspec.*|serverless\..*|package(-lock)?\.json|cdk\.json|.*\.(md|rst|lock)|"
    r"(requirements|constraints).*\.(txt|in)|.*pyproject.toml|setup\.(py|cfg)|tox\.ini|pipfile.*|"
    r"pylock.*\.toml|imagekit\.toml|uv\.toml|poetry\.toml|pytest\.ini|zappa_settings.*|event.*\.json"
)


class Shipped(Struct, frozen=True, kw_only=True):
    """Entries of the two keys; `renamed` says why the copy cannot be carried over."""

    source: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    renamed: str | None = None


def is_paper(path: str) -> bool:
    """Whether a file is about the project: its lock, its licence, its templates."""
    name = path.rpartition("/")[2]
    return _PAPERS.fullmatch(name) is not None or bool(dockerfiles([path]))


def whole(folder: str) -> tuple[str, ...]:
    """`source` for all that lies in a folder, each entry at the top of the artefact."""
    return (".",) if folder in ("", ".") else (f"{folder}/*",)


def everything(handler: str | None, content: Folder) -> tuple[str, ...]:
    """`source` for the whole project: `.` takes the modules and packages at its top.

    A handler in a folder with no module right in it (`functions/hello/app.main`) needs its name.
    """
    found = ["."] if any(_brought(name, content) for name in content.inside("")) else []
    path = (handler or "").rpartition(".")[0].replace(".", "/")
    top, slash, _ = path.partition("/")
    if slash and content.holds(top) and not _brought(f"{top}/", content):
        found.append(top)
    return tuple(found) or (".",)


def _brought(name: str, content: Folder) -> bool:
    if name.endswith("/"):
        return is_code_folder(name[:-1]) and content.holds_python(name[:-1])
    return is_module(name)


def shipped(path: str, arrives: str, into: bool, content: Folder) -> Shipped | None:
    """A file, folder or pattern of the project that is copied to `arrives`, relative to the code.

    None where there is nothing of that name; empty where imagekit brings it by other ways.
    """
    if any(sign in path for sign in "*?["):
        return _pattern(path, arrives, content)
    if content.has(path):
        return _file(path, arrives, into)
    if not content.holds(path):
        return None
    return _folder(path, arrives, content)


def data_beside(folder: str, content: Folder) -> tuple[str, ...]:
    """What a copy of the whole folder brings and `source = ["."]` does not: no Python in it.

    A few names, folders with a final slash.
    """
    names = (name for name in content.inside(folder) if not name.endswith(".py"))
    data = [name for name in names if not is_paper(name) and _brings_data(folder, name, content)]
    return tuple(data[:_SHOWN])


def _brings_data(folder: str, name: str, content: Folder) -> bool:
    below = name.rstrip("/") if folder in ("", ".") else f"{folder}/{name.rstrip('/')}"
    aside = name.rstrip("/").lower() in ("test", "tests", "docs", "doc", "events", "scripts")
    return not aside and not (name.endswith("/") and content.holds_python(below))


def _pattern(path: str, arrives: str, content: Folder) -> Shipped | None:
    folder, _, name = path.rpartition("/")
    names = (each for each in content.inside(folder) if fnmatchcase(each.rstrip("/"), name))
    files = [each for each in names if not is_paper(each)]
    if not files:
        return Shipped() if is_paper(name) else None
    if arrives == "":
        return Shipped(source=(path,))
    if arrives == folder:
        return Shipped(include=(path,))
    return Shipped(renamed=f"{path} goes to {arrives}/")


def _file(path: str, arrives: str, into: bool) -> Shipped:
    if is_paper(path):
        return Shipped()
    own = PurePosixPath(path).name
    target = PurePosixPath(arrives, own) if into or arrives == "" else PurePosixPath(arrives)
    if str(target) == own:
        return Shipped(source=(path,))
    if str(target) == path:
        return Shipped(include=(path,))
    return Shipped(renamed=f"{path} goes to {target}")


def _folder(path: str, arrives: str, content: Folder) -> Shipped:
    if arrives == "":
        return Shipped(source=whole(path))
    if path in ("", "."):
        return Shipped(renamed=f"the whole folder goes to {arrives}/")
    python = any(file.endswith(".py") for file in _files(path, content))
    if arrives == PurePosixPath(path).name and (python or arrives != path):
        return Shipped(source=(path,))
    if arrives == path:
        return Shipped(include=(f"{path}/**",))
    return Shipped(renamed=f"{path}/ goes to {arrives}/")


def _files(folder: str, content: Folder) -> Iterator[str]:
    return (path for path in content.files if path.startswith(f"{folder}/"))


def joined(folder: str, written: str) -> str | None:
    """A path as a file in `folder` writes it, relative to the project; None outside of it."""
    if "://" in written or written.startswith("/"):
        return None
    parts: list[str] = []
    for part in PurePosixPath(folder, written).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return "/".join(parts)
