"""`poetry.lock` from lock-version 2.1 on, which says of each package in which groups it is wanted.

poetry has no description of the format but its own reader, `Locker.locked_packages` and
`Transaction.calculate_operations`: https://github.com/python-poetry/poetry/tree/main/src/poetry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from msgspec import Struct

from imagekit.model.errors import LockError
from imagekit.model.target import Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.content_hash import poetry_fits
from imagekit.project.locks.pinned import (
    Picked,
    Pin,
    Pins,
    allows,
    archive,
    files_of,
    head,
    holds,
    normalised,
    packages_of,
    sha256s_of,
)
from imagekit.project.locks.toml import strings, table

_MAIN = "main"
_OLDEST = (2, 1)
_BELOW = (3, 0)
_AGAIN = "poetry lock"
_AGAIN_ONE = "type `poetry update --lock {name}`"
_OPERATOR = re.compile(r"(\^|~(?!=)|===?|~=|!=|<=?|>=?)?\s*([^\s,<>=!~^]+)")


class PoetryLock(Struct, frozen=True, kw_only=True):
    """The lock, its first line, and the pyproject.toml beside it."""

    path: Path
    head: str
    content: Mapping[str, object]
    pyproject: Mapping[str, object]


def poetry_pins(lock: PoetryLock, function: FunctionConfig, target: Target) -> Pins:
    """The packages of `function`: those of the main group, of its groups and of its extras.

    Raises LockError with all that stands in the way: an old format, a stale lock, another Python,
    groups and extras that there are not, packages without hashes.
    """
    content = lock.content
    metadata = table(content, "metadata")
    _refuse_version(lock.path, str(metadata.get("lock-version", "")))
    if not poetry_fits(lock.head, str(metadata.get("content-hash")), lock.pyproject):
        stale = "pyproject.toml changed significantly since it was written"
        raise LockError(path=lock.path, problems=(stale,), hint=_AGAIN)
    problems = [*_unknown(lock, function)]
    pythons = str(metadata.get("python-versions", "*"))
    if not _allows(pythons, target.full_version):
        problems.append(f"it is for Python {pythons}, and {function.name} is for {target.python}")
    if problems:
        raise LockError(path=lock.path, problems=tuple(problems), hint=_known(lock))
    picked = Picked(again=_AGAIN_ONE)
    groups = {_MAIN, *map(normalised, function.groups)}
    for package in packages_of(content):
        try:
            if _wanted(package, groups, function, target):
                _pick(package, picked)
        except ValueError as error:
            picked.problem(str(package.get("name")), str(package.get("version")), str(error))
    return picked.done(lock.path)


def _refuse_version(path: Path, text: str) -> None:
    numbers = re.fullmatch(r"(\d+)(?:\.(\d+))?", text)
    version = (int(numbers[1]), int(numbers[2] or 0)) if numbers else (0, 0)
    if version < _OLDEST:
        what = f"lock-version {text or 'none'} does not say which group a package belongs to"
        hint = f"{_AGAIN}, with poetry 2.0 or later"
    elif version >= _BELOW:
        what, hint = f"lock-version {text} is not known to this imagekit", "update imagekit"
    else:
        return
    raise LockError(path=path, problems=(what,), hint=hint)


def _groups(pyproject: Mapping[str, object]) -> dict[str, str]:
    """Groups that pyproject.toml declares, by their one spelling."""
    found = [
        *table(pyproject, "tool", "poetry", "group"),
        *table(pyproject, "dependency-groups"),
        *(["dev"] if table(pyproject, "tool", "poetry", "dev-dependencies") else []),
    ]
    return {normalised(name): name for name in found}


def _unknown(lock: PoetryLock, function: FunctionConfig) -> Iterator[str]:
    extras = {normalised(name) for name in table(lock.content, "extras")}
    for name in function.extras:
        if normalised(name) not in extras:
            yield f"it has no extra {name!r}"
    for name in function.groups:
        if normalised(name) not in _groups(lock.pyproject):
            yield f"it has no dependency group {name!r}"


def _known(lock: PoetryLock) -> str:
    known = [*table(lock.content, "extras"), *_groups(lock.pyproject).values()]
    return f"{_AGAIN}, after changing pyproject.toml; it knows: {', '.join(known) or 'no others'}"


def _wanted(
    package: Mapping[str, object], groups: set[str], function: FunctionConfig, target: Target
) -> bool:
    """Whether one of the groups has it on this target. The marker may be one for all groups."""
    its = {normalised(name) for name in strings(package.get("groups"))} & groups
    markers = package.get("markers")
    if not isinstance(markers, Mapping):
        return bool(its) and holds(str(markers or ""), target, function.extras)
    by_group = {normalised(str(name)): str(marker) for name, marker in markers.items()}
    return any(holds(by_group.get(name, ""), target, function.extras) for name in its)


def _pick(package: Mapping[str, object], picked: Picked) -> None:
    source = table(package, "source")
    url, kind = str(source.get("url", "")), source.get("type")
    subdirectory = source.get("subdirectory")
    inside = {"subdirectory": subdirectory} if subdirectory else {}
    match kind:
        case None | "legacy":
            sha256s = sha256s_of(files_of(package))
            picked.pin(Pin(**head(package), sha256s=sha256s, index=url or None))
        case "directory":
            # Its version is what its own pyproject.toml says by now: poetry asks no more either.
            name = head(package)["name"]
            picked.place({"name": name, "directory": {"path": url} | inside})
        case "file":
            picked.place(archive(package, {"path": url} | inside, files_of(package)))
        case "url":
            picked.place(archive(package, {"url": url} | inside, files_of(package)))
        case _:
            commit = str(source.get("resolved_reference", ""))
            vcs = {"type": str(kind), "url": url, "commit-id": commit} | inside
            picked.place({**head(package), "vcs": vcs})


def _allows(constraint: str, python: str) -> bool:
    """Whether poetry's constraint (`^3.11`, `>=3.9,<3.10 || >=3.11`) allows this Python.

    https://python-poetry.org/docs/dependency-specification/#version-constraints
    """
    alternatives = re.split(r"\s*\|\|?\s*", constraint.strip())
    parts = ([_bounds(*match) for match in _OPERATOR.findall(each)] for each in alternatives)
    return any(allows(",".join(chain.from_iterable(each)), python) for each in parts)


def _bounds(operator: str, version: str) -> Iterator[str]:
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    if version == "*" or not numbers:
        return
    if operator == "^":
        at = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    elif operator == "~":
        at = min(1, len(numbers) - 1)
    else:
        yield f"{operator or '=='}{version}"
        return
    above = [*numbers[:at], numbers[at] + 1]
    yield f">={version}"
    yield f"<{'.'.join(map(str, above))}"
