"""What a pyproject.toml, a `.python-version` and locks say of every function of the project."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from imagekit.model.target import PYTHONS
from imagekit.project.locks.toml import strings, table
from imagekit.project.survey.folder import Folder
from imagekit.project.survey.values import FunctionFound, Notes

DEFAULT_PYTHON = "3.13"
_VERSION = re.compile(r"(?:cpython-?@?|python-?)?(3\.\d+)(?:\.\d+)?")
_LOCKS = (
    *("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "requirements.txt", "pyproject.toml"),
)


class Facts(Struct, frozen=True, kw_only=True):
    """The texts are those of files at the top; None where there is none."""

    pyproject: Mapping[str, object]
    python_version: str | None

    @property
    def name(self) -> str | None:
        """The project's name."""
        for keys in (("project",), ("tool", "poetry")):
            name = table(self.pyproject, *keys).get("name")
            if isinstance(name, str) and name:
                return name
        return None

    def asked_python(self) -> tuple[str, str] | None:
        """The minor version that the project asks for, and where it does."""
        if self.python_version is not None:
            for line in self.python_version.splitlines():
                if found := _VERSION.fullmatch(line.strip()):
                    return found[1], ".python-version"
        required = self._required()
        fits = _fitting(required) if required else ()
        if not fits:
            return None
        return (DEFAULT_PYTHON if DEFAULT_PYTHON in fits else fits[-1]), "pyproject.toml"

    def _required(self) -> str | None:
        required = table(self.pyproject, "project").get("requires-python")
        if isinstance(required, str):
            return required
        poetry = table(self.pyproject, "tool", "poetry", "dependencies").get("python")
        return _from_poetry(poetry) if isinstance(poetry, str) else None

    def members(self, folder: Folder) -> Iterator[str]:
        """The folder of each member of a uv workspace."""
        workspace = table(self.pyproject, "tool", "uv", "workspace")
        out = strings(workspace.get("exclude"))
        for path in sorted(folder.files):
            at, _, name = path.rpartition("/")
            named = any(_matches(at, one) for one in strings(workspace.get("members")))
            if name == "pyproject.toml" and named and not any(_matches(at, one) for one in out):
                yield at


def nearest_lock(source: tuple[str, ...] | None, folder: Folder) -> str | None:
    """A lock beside or above the only folder of a function's code, below the project's own.

    What lies at the top is found without a key.
    """
    tops = {entry.removesuffix("/*") for entry in source or ()}
    if len(tops) != 1 or (at := tops.pop()) in ("", "."):
        return None
    while at:
        for name in _LOCKS:
            if folder.has(f"{at}/{name}"):
                return f"{at}/{name}"
        at = at.rpartition("/")[0]
    return None


def choose_python(function: FunctionFound, facts: Facts, notes: Notes) -> str:
    """What the function runs on: what Lambda runs today, else what the project asks for."""
    asked = facts.asked_python()
    if function.python in PYTHONS:
        if asked is not None and asked[1] == ".python-version" and asked[0] != function.python:
            what = f"says Python {asked[0]}, but {function.where} runs {function.python}"
            notes.leave(".python-version", what, f"{function.python} was taken; make them agree")
        return function.python
    if asked is not None and asked[0] in PYTHONS:
        notes.say(asked[1], f"Python {asked[0]}")
        return asked[0]
    if asked is not None:
        todo = f"{DEFAULT_PYTHON} was written; choose one of {', '.join(PYTHONS)}"
        notes.leave(asked[1], f"Python {asked[0]} is not supported", todo)
    return DEFAULT_PYTHON


def _fitting(required: str) -> tuple[str, ...]:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        specifiers = SpecifierSet(required)
    except InvalidSpecifier:
        return ()
    # A late patch version: `>=3.13.2` is meant to allow Lambda's 3.13.
    return tuple(python for python in PYTHONS if specifiers.contains(f"{python}.99"))


def _from_poetry(constraint: str) -> str:
    """`^3.12` and `~3.12` as specifiers; https://python-poetry.org/docs/dependency-specification/."""
    words = []
    for word in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", constraint.strip()):
        if word.startswith("^"):
            words.append(f">={word[1:]},<4")
        elif word.startswith("~") and not word.startswith("~="):
            minor = ".".join(word[1:].split(".")[:2])
            words.append(f">={word[1:]},=={minor}.*")
        elif word[:1].isdigit():
            whole = word.endswith("*") or word.count(".") > 1
            words.append(f"=={word}" if whole else f"=={word}.*")
        else:
            words.append(word)
    return ",".join(words)


def _matches(path: str, pattern: str) -> bool:
    parts, patterns = path.split("/"), pattern.rstrip("/").removeprefix("./").split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
