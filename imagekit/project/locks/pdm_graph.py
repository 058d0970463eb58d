"""A `pdm.lock` without `inherit_metadata`: who needs whom, followed from pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from imagekit.model.target import Target
from imagekit.project.locks.content_hash import pdm_groups
from imagekit.project.locks.pinned import allows, holds, normalised, version_of
from imagekit.project.locks.toml import strings, table

if TYPE_CHECKING:
    from packaging.requirements import Requirement

Package = Mapping[str, object]
Key = tuple[str, frozenset[str]]
"""Name and extras: pdm writes `requests` and `requests[socks]` as two packages."""


class Asked(Struct, frozen=True, kw_only=True):
    """What a function wants: `default`, and groups or extras by name."""

    pyproject: Mapping[str, object]
    groups: frozenset[str]
    target: Target


class Reached(Struct, frozen=True, kw_only=True):
    """The packages found, and what could not be told."""

    packages: tuple[Package, ...]
    problems: tuple[str, ...]


def reachable(packages: Sequence[Package], asked: Asked) -> Reached:
    """The packages that the groups asked for lead to.

    One name may be locked in several versions for several targets: each requirement on the way
    narrows them, whatever the order, and a choice that stays open is a problem.
    """
    walk = _Walk(asked=asked)
    for package in packages:
        walk.known.setdefault(_key(package), []).append(package)
    walk.wants = list(_roots(asked))
    size = -1
    while len(walk.wants) + len(walk.chosen) != size:
        size = len(walk.wants) + len(walk.chosen)
        for requirement in tuple(walk.wants):
            walk.follow(requirement)
    return Reached(packages=tuple(walk.chosen.values()), problems=tuple(walk.problems()))


class _Walk(Struct, kw_only=True):
    asked: Asked
    known: dict[Key, list[Package]] = field(default_factory=dict)
    wants: list[Requirement] = field(default_factory=list)
    chosen: dict[Key, Package] = field(default_factory=dict)

    def follow(self, requirement: Requirement) -> None:
        key = _wanted_key(requirement)
        candidates = self.candidates(key)
        if key in self.chosen or len(candidates) != 1:
            return
        self.chosen[key] = candidates[0]
        self.wants.extend(_applying(strings(candidates[0].get("dependencies")), self.asked.target))

    def candidates(self, key: Key) -> list[Package]:
        """The locked versions that this Python and all requirements met so far allow."""
        limits = [str(want.specifier) for want in self.wants if normalised(want.name) == key[0]]
        python = self.asked.target.full_version
        return [
            package
            for package in self.known.get(key, [])
            if allows(str(package.get("requires_python", "")), python)
            and all(allows(limit, version_of(package.get("version"))) for limit in limits)
        ]

    def problems(self) -> Iterator[str]:
        for key in sorted({_wanted_key(want) for want in self.wants} - set(self.chosen), key=str):
            count = len(self.candidates(key))
            why = "is in it in several versions" if count else "is not in it"
            yield (
                f"{key[0]} {why}, for Python {self.asked.target.python}; "
                "type `pdm lock --strategy inherit_metadata`, which says which one is meant"
            )


def _key(package: Package) -> Key:
    extras = frozenset(map(normalised, strings(package.get("extras"))))
    return normalised(str(package.get("name"))), extras


def _wanted_key(requirement: Requirement) -> Key:
    return normalised(requirement.name), frozenset(map(normalised, requirement.extras))


def _roots(asked: Asked) -> Iterator[Requirement]:
    project = table(asked.pyproject, "project")
    lines = [*strings(project.get("dependencies"))]
    extras = {
        normalised(name): listed for name, listed in table(project, "optional-dependencies").items()
    }
    groups = pdm_groups(asked.pyproject)
    for name in sorted(asked.groups & (groups.keys() | extras.keys())):
        lines += strings(extras.get(name, []))
        lines += _expanded(groups, name)
    yield from _applying(lines, asked.target)


def _expanded(groups: Mapping[str, list[object]], name: str) -> Iterator[str]:
    """The requirements of a group and of those that it includes (PEP 735)."""
    for item in groups.get(name, []):
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping) and "include-group" in item:
            yield from _expanded(groups, normalised(str(item["include-group"])))


def _applying(lines: Sequence[str], target: Target) -> Iterator[Requirement]:
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            # pdm's own way of naming a folder: `-e file:///${PROJECT_ROOT}/lib#egg=name`.
            _, egg, name = line.rpartition("#egg=")
            if not egg:
                continue
            requirement = Requirement(name.partition("&")[0])
        if requirement.marker is None or holds(str(requirement.marker), target):
            yield requirement
