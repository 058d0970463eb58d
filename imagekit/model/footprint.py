"""What an artefact weighs: by layer, package and category. One value for plans and for artefacts.

A category is decided from the path alone, so that a plan from wheels' directories and an image
that was opened count alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, get_args

from msgspec import Struct

Category = Literal["own", "python", "bytecode", "libraries", "data", "tests", "metadata"]
CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)
WORDS: Final[dict[Category, str]] = {
    "own": "own code",
    "python": "Python",
    "bytecode": "bytecode",
    "libraries": "shared libraries",
    "data": "data",
    "tests": "tests",
    "metadata": "metadata",
}
"""For people."""

ZipPart = Literal["zip", "unpacked", "lambda-layer"]
"""A ZIP itself, what its loader unpacks to `/tmp` at start, and a Lambda layer that it names."""

LayerKind = Literal["base", "extension", "client", "packages", "source", "other"] | ZipPart
"""`other` is a layer that imagekit did not make, in an image without a base."""

_METADATA = re.compile(r"(^|/)[^/]+\.(dist|egg)-info(/|$)")
_TESTS = re.compile(r"(^|/)tests?/|(^|/)(conftest|test_[^/]*|[^/]+_tests?)\.pyc?$")
_LIBRARY = re.compile(r"\.(so|dylib|dll|pyd)(\.\d+)*$", re.IGNORECASE)
_SOURCES = (".py", ".pyi", ".pyw")
_BYTECODE = (".pyc", ".pyo")


def category(path: str, *, own: bool = False) -> Category:
    """What kind of file lies at `path` (POSIX, relative to any root).

    `own`: it is the project's, so that its Python is its own code. Tests keep their bytecode and
    libraries, metadata everything: each category is what leaving it out would save.
    """
    if _METADATA.search(path):
        return "metadata"
    if _TESTS.search(path):
        return "tests"
    if path.endswith(_BYTECODE):
        return "bytecode"
    if path.endswith(_SOURCES):
        return "own" if own else "python"
    return "libraries" if _LIBRARY.search(path) else "data"


class Amount(Struct, frozen=True):
    """So many bytes, unzipped, in so many files."""

    unzipped_bytes: int = 0
    files: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.unzipped_bytes + other.unzipped_bytes, self.files + other.files)


Tally = tuple[tuple[Category, Amount], ...]
"""Amounts in the order of CATEGORIES; what is empty is left out."""


def tally(files: Iterable[tuple[str, int]], *, own: bool = False) -> Tally:
    """Count files, given as path and size."""
    sizes: dict[Category, int] = {}
    counts: dict[Category, int] = {}
    for path, size_bytes in files:
        found = category(path, own=own)
        sizes[found] = sizes.get(found, 0) + size_bytes
        counts[found] = counts.get(found, 0) + 1
    return tuple((one, Amount(sizes[one], counts[one])) for one in CATEGORIES if one in counts)


def together(tallies: Iterable[Tally]) -> Tally:
    """Several tallies as one."""
    found: dict[Category, Amount] = {}
    for one in tallies:
        for name, amount in one:
            found[name] = found.get(name, Amount()) + amount
    return tuple((name, found[name]) for name in CATEGORIES if name in found)


def total(counted: Tally) -> Amount:
    """All categories of one tally."""
    return sum((amount for _, amount in counted), Amount())


class PackageFootprint(Struct, frozen=True, kw_only=True):
    """One package in one layer; also the project's `source`, and `base` for what nobody claims."""

    name: str
    version: str | None = None
    own: bool = False
    categories: Tally = ()

    @property
    def label(self) -> str:
        """`name version`, for people."""
        return f"{self.name} {self.version}" if self.version else self.name

    @property
    def amount(self) -> Amount:
        """All categories."""
        return total(self.categories)


class LayerFootprint(Struct, frozen=True, kw_only=True):
    """One layer of an image, or one part of a ZIP."""

    name: str
    kind: LayerKind
    packages: tuple[PackageFootprint, ...] = ()
    digest: str | None = None
    """Of the compressed blob."""
    size_bytes: int | None = None
    """Compressed; None also for what lies in another part."""
    packed_bytes: int | None = None
    """As one file in the ZIP, where it lies there."""
    uncounted_bytes: int = 0
    """Of files that are known in sum alone: they are in no package and in no category."""
    unread: str | None = None
    """Why nothing is known of its files."""

    @property
    def categories(self) -> Tally:
        """Of all packages."""
        return together(package.categories for package in self.packages)

    @property
    def amount(self) -> Amount:
        """Of all packages, with what is not counted by category."""
        return total(self.categories) + Amount(self.uncounted_bytes)


class Footprint(Struct, frozen=True, kw_only=True):
    """A whole artefact."""

    name: str
    packaging: str
    """`image`, `zip`, …"""
    limit_bytes: int
    """What Lambda takes, unzipped."""
    layers: tuple[LayerFootprint, ...] = ()
    """From the base up."""
    base_bytes: int = 0
    """Of the base, where that is known in sum alone, and of none of its layers."""
    missing: int = 0
    """Layers of which nothing is known: no sum has them."""
    estimated: tuple[Category, ...] = ()
    """Categories that are foreseen, not counted."""

    @property
    def categories(self) -> Tally:
        """Of all layers."""
        return together(layer.categories for layer in self.layers)

    @property
    def amount(self) -> Amount:
        """Of all layers, with what is not counted by category."""
        return sum((layer.amount for layer in self.layers), Amount(self.base_bytes))

    @property
    def packages(self) -> tuple[PackageFootprint, ...]:
        """Over all layers, the heaviest first."""
        parts: dict[tuple[str, str | None, bool], list[Tally]] = {}
        for layer in self.layers:
            for one in layer.packages:
                parts.setdefault((one.name, one.version, one.own), []).append(one.categories)
        found = (
            PackageFootprint(name=name, version=version, own=own, categories=together(tallies))
            for (name, version, own), tallies in parts.items()
        )
        return tuple(sorted(found, key=lambda one: (-one.amount.unzipped_bytes, one.label)))


class Limit(Struct, frozen=True, kw_only=True):
    """One of Lambda's limits, and how much of it is used."""

    rule: str
    """Its id in `check`."""
    what: str
    used: int
    limit: int
    bytes: bool = True
    """False where things are counted."""

    @property
    def share(self) -> float:
        """Used of what may be, 1.0 at the limit."""
        return self.used / self.limit


def footprint_json(footprint: Footprint) -> dict[str, object]:
    """The value for a JSON document: layer → package → category → bytes and files."""
    return {
        "name": footprint.name,
        "packaging": footprint.packaging,
        "unzipped_bytes": footprint.amount.unzipped_bytes,
        "files": footprint.amount.files,
        "limit_bytes": footprint.limit_bytes,
        **({"base_bytes": footprint.base_bytes} if footprint.base_bytes else {}),
        **({"uncounted_layers": footprint.missing} if footprint.missing else {}),
        "categories": tally_json(footprint.categories),
        **({"estimated": list(footprint.estimated)} if footprint.estimated else {}),
        "layers": [_layer_json(layer) for layer in footprint.layers],
    }


def tally_json(counted: Tally) -> dict[str, object]:
    """`{"libraries": {"unzipped_bytes": …, "files": …}, …}`."""
    return {
        name: {"unzipped_bytes": amount.unzipped_bytes, "files": amount.files}
        for name, amount in counted
    }


def _layer_json(layer: LayerFootprint) -> dict[str, object]:
    known = {
        "digest": layer.digest,
        "size_bytes": layer.size_bytes,
        "packed_bytes": layer.packed_bytes,
        "uncounted_bytes": layer.uncounted_bytes or None,
        "unread": layer.unread,
    }
    return {
        "name": layer.name,
        "kind": layer.kind,
        "unzipped_bytes": layer.amount.unzipped_bytes,
        "files": layer.amount.files,
        **{key: value for key, value in known.items() if value is not None},
        "packages": [_package_json(package) for package in layer.packages],
    }


def _package_json(package: PackageFootprint) -> dict[str, object]:
    return {
        "name": package.name,
        **({"version": package.version} if package.version else {}),
        "own": package.own,
        "unzipped_bytes": package.amount.unzipped_bytes,
        "files": package.amount.files,
        "categories": tally_json(package.categories),
    }
