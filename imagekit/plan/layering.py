"""Which package goes into which layer: layers follow change, not order of import (decision 5)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from imagekit.model.package import Package

OWN_LAYERS = 40
"""The largest wheels have a layer each; with a base's layers that stays far below 127 (T7)."""

BUCKETS = 8
"""The rest share these, so that adding a package disturbs at most one."""


class Group(Struct, frozen=True, kw_only=True):
    """The packages of one layer, sorted by name."""

    name: str
    packages: tuple[Package, ...]
    why: str


def group(packages: Sequence[Package], weights: Mapping[str, int]) -> tuple[Group, ...]:
    """Share packages out, in the order their layers are stacked: large ones first, own ones last.

    `weights` gives unzipped bytes by package name. Depends on nothing but the values, so the same
    lock gives the same layers everywhere.
    """
    foreign = [package for package in packages if not package.own]
    ranked = sorted(foreign, key=lambda package: (-weights[package.name], package.name))
    alone, shared = ranked[:OWN_LAYERS], ranked[OWN_LAYERS:]
    singles = [_alone(package, "one of the largest") for package in alone]
    singles.sort(key=lambda single: _stacking(weights[single.name], single.name))
    own = sorted((package for package in packages if package.own), key=lambda p: p.name)
    return (*singles, *_buckets(shared), *(_alone(package, "your own package") for package in own))


def _alone(package: Package, why: str) -> Group:
    return Group(name=package.name, packages=(package,), why=why)


def _stacking(weight: int, name: str) -> tuple[int, str]:
    # By size class, not size: a bump that adds a few bytes must not change the order of layers.
    return (-weight.bit_length(), name)


def _buckets(packages: Iterable[Package]) -> tuple[Group, ...]:
    filled: dict[int, list[Package]] = {}
    for package in packages:
        filled.setdefault(bucket_of(package.name), []).append(package)
    return tuple(
        Group(
            name=f"shared-{number}",
            packages=tuple(sorted(filled[number], key=lambda package: package.name)),
            why="small packages share a layer",
        )
        for number in sorted(filled)
    )


def bucket_of(name: str) -> int:
    """The bucket of a package, by a hash of its name alone: 0 to 7."""
    return hashlib.sha256(name.encode()).digest()[0] % BUCKETS
