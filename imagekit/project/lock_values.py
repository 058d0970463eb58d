"""What `imagekit.lock` holds, as values. Each part carries the hash of what it was decided from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.base import BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.extension import ExtensionFacts
from imagekit.model.gain import BytecodeGain
from imagekit.model.image import LAYER_FORMAT, Family
from imagekit.model.package import Artifact
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture

VERSION = 1
"""Of the file; another one is refused."""

Kind = Literal["base", "extension", "packaging", "python", "client", "packages", "bytecode"]


class PartKey(Struct, frozen=True, order=True):
    """Names one part of the lock."""

    kind: Kind
    name: str
    """The base's name, the extension's, the function's, or the minor version of Python."""
    architecture: str = ""
    """Empty where the part is the same on both."""

    def __str__(self) -> str:
        words = [self.kind, self.name, f"({self.architecture})" if self.architecture else ""]
        return " ".join(word for word in words if word)


class BasePin(Struct, frozen=True, kw_only=True):
    """A base at one digest, with the facts that were read from it."""

    name: str
    """As the configuration says it."""
    architecture: Architecture
    reference: str
    """`registry/repository:tag@sha256:…`, a form that Renovate can move; or a folder's path."""
    digest: Digest
    """Of the manifest that `facts` were read from."""
    family: Family
    facts: BaseFacts
    inputs: Digest
    pinned: date | None = None
    """The day when somebody last asked what to pin; None in locks that did not say it yet."""

    @property
    def key(self) -> PartKey:
        """Its place in the lock."""
        return PartKey("base", self.name, self.architecture)

    @property
    def moved(self) -> bool:
        """Whether `reference` was edited to another digest: the facts must be read again."""
        return not self.reference.endswith(f"@{self.digest}")


class ExtensionPin(Struct, frozen=True, kw_only=True):
    """An extension at one digest, with the layers that go on top of a base."""

    name: str
    """As the configuration says it."""
    architecture: Architecture
    reference: str
    """`registry/repository:tag@sha256:…`, a form that Renovate can move."""
    digest: Digest
    """Of the manifest that `facts` were read from."""
    facts: ExtensionFacts
    inputs: Digest

    @property
    def key(self) -> PartKey:
        """Its place in the lock."""
        return PartKey("extension", self.name, self.architecture)

    @property
    def moved(self) -> bool:
        """Whether `reference` was edited to another digest: the layers must be read again."""
        return not self.reference.endswith(f"@{self.digest}")


class PackagingPin(Struct, frozen=True, kw_only=True):
    """What `auto` decided for a function: its package type can never change (decision 8)."""

    function: str
    architecture: Architecture
    packaging: Literal["zip", "image"]
    why: str
    unzipped_bytes: int
    """Of code and packages, when it was decided."""
    inputs: Digest

    @property
    def key(self) -> PartKey:
        """Its place in the lock."""
        return PartKey("packaging", self.function, self.architecture)


class PythonPin(Struct, frozen=True, kw_only=True):
    """The CPython that compiles bytecode for a minor version (decision 3)."""

    minor: str
    version: str
    """With the patch, such as `3.13.5`."""
    inputs: Digest

    @property
    def key(self) -> PartKey:
        """Its place in the lock."""
        return PartKey("python", self.minor)


class PinnedWheel(Struct, frozen=True, kw_only=True):
    """A package and the very wheel of it."""

    name: str
    version: str
    wheel: Artifact


class ClientPin(Struct, frozen=True, kw_only=True):
    """The Lambda runtime client, and what it needs, for bases without one (decision 9)."""

    python: str
    """Minor version."""
    architecture: Architecture
    wheels: tuple[PinnedWheel, ...]
    inputs: Digest

    @property
    def key(self) -> PartKey:
        """Its place in the lock."""
        return PartKey("client", self.python, self.architecture)


class PackagesPin(Struct, frozen=True, kw_only=True):
    """The packages of a function whose project has no complete lock of its own."""

    function: str
    architecture: Architecture
    pylock: str
    """The text of a `pylock.toml` (PEP 751)."""
    inputs: Digest

    @property
    def key(self) -> PartKey:
        """Its place in the lock."""
        return PartKey("packages", self.function, self.architecture)


class BytecodePin(Struct, frozen=True, kw_only=True):
    """What bytecode buys, measured once and the same for all: the order in which a ZIP near its
    limit keeps it. Nothing goes stale: packages that it does not know come after those it knows."""

    function: str
    architecture: Architecture
    gains: tuple[BytecodeGain, ...]
    inputs: Digest

    @property
    def key(self) -> PartKey:
        """Its place in the lock."""
        return PartKey("bytecode", self.function, self.architecture)


Part = BasePin | ExtensionPin | PackagingPin | PythonPin | ClientPin | PackagesPin | BytecodePin


class _Keyed(Protocol):
    @property
    def key(self) -> PartKey: ...


P = TypeVar("P", bound=_Keyed)


class ImagekitLock(Struct, frozen=True, kw_only=True):
    """The whole file. A change is a new value; every tuple is sorted by key, each key once."""

    recipe: int = LAYER_FORMAT
    """The layer format that these decisions were made with."""
    bases: tuple[BasePin, ...] = ()
    extensions: tuple[ExtensionPin, ...] = ()
    packagings: tuple[PackagingPin, ...] = ()
    pythons: tuple[PythonPin, ...] = ()
    clients: tuple[ClientPin, ...] = ()
    packages: tuple[PackagesPin, ...] = ()
    bytecodes: tuple[BytecodePin, ...] = ()

    def parts(self) -> tuple[Part, ...]:
        """All of them, sorted by key."""
        found: list[Part] = [*self.bases, *self.extensions, *self.packagings, *self.pythons]
        found += [*self.clients, *self.packages, *self.bytecodes]
        return tuple(sorted(found, key=lambda part: part.key))

    def references(self) -> tuple[Reference, ...]:
        """Where the images lie that builds stand on: bases and extensions, as far as they say."""
        texts = [pin.reference for pin in self.bases] + [pin.reference for pin in self.extensions]
        return tuple(found for text in texts if (found := _reference(text)) is not None)

    def base(self, name: str, architecture: Architecture) -> BasePin | None:
        """The pin of a base, by the name that the configuration gives it."""
        return _find(self.bases, PartKey("base", name, architecture))

    def extension(self, name: str, architecture: Architecture) -> ExtensionPin | None:
        """The pin of an extension, by the reference that the configuration gives it."""
        return _find(self.extensions, PartKey("extension", name, architecture))

    def packaging(self, function: str, architecture: Architecture) -> PackagingPin | None:
        """What `auto` decided for a function."""
        return _find(self.packagings, PartKey("packaging", function, architecture))

    def python(self, minor: str) -> PythonPin | None:
        """The compiling CPython of a minor version."""
        return _find(self.pythons, PartKey("python", minor))

    def client(self, python: str, architecture: Architecture) -> ClientPin | None:
        """The runtime client for a minor version of Python."""
        return _find(self.clients, PartKey("client", python, architecture))

    def packages_of(self, function: str, architecture: Architecture) -> PackagesPin | None:
        """The packages of a function without a lock of its own."""
        return _find(self.packages, PartKey("packages", function, architecture))

    def bytecode(self, function: str, architecture: Architecture) -> BytecodePin | None:
        """What a function's bytecode buys, where somebody kept a measurement."""
        return _find(self.bytecodes, PartKey("bytecode", function, architecture))

    def with_part(self, part: Part) -> ImagekitLock:
        """The same with this part, in place of one with its key."""
        match part:
            case BasePin():
                changed = replace(self, bases=_with(self.bases, part))
            case ExtensionPin():
                changed = replace(self, extensions=_with(self.extensions, part))
            case PackagingPin():
                changed = replace(self, packagings=_with(self.packagings, part))
            case PythonPin():
                changed = replace(self, pythons=_with(self.pythons, part))
            case ClientPin():
                changed = replace(self, clients=_with(self.clients, part))
            case PackagesPin():
                changed = replace(self, packages=_with(self.packages, part))
            case BytecodePin():
                changed = replace(self, bytecodes=_with(self.bytecodes, part))
        return changed

    def with_parts(self, parts: Iterable[Part]) -> ImagekitLock:
        """The same with these parts, each in place of one with its key."""
        lock = self
        for part in parts:
            lock = lock.with_part(part)
        return lock

    def only(self, keys: Iterable[PartKey]) -> ImagekitLock:
        """The same without the parts that no function needs any more."""
        kept = frozenset(keys)
        return ImagekitLock(recipe=self.recipe).with_parts(
            part for part in self.parts() if part.key in kept
        )


def inputs_of(*values: object) -> Digest:
    """The hash of what a part is decided from: JSON values, whose order in a table is nothing."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Digest(hashlib.sha256(text.encode()).hexdigest())


def stale(lock: ImagekitLock | None, wanted: Mapping[PartKey, Digest]) -> tuple[PartKey, ...]:
    """The wanted parts that are missing, or were decided from other inputs; sorted.

    A base or extension whose reference was edited to another digest is stale too.
    """
    fresh = {
        part.key: part.inputs
        for part in (lock.parts() if lock else ())
        if not (isinstance(part, BasePin | ExtensionPin) and part.moved)
    }
    return tuple(sorted(key for key, inputs in wanted.items() if fresh.get(key) != inputs))


def _reference(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except ValueError:
        return None


def _find(parts: tuple[P, ...], key: PartKey) -> P | None:
    return next((part for part in parts if part.key == key), None)


def _with(parts: tuple[P, ...], part: P) -> tuple[P, ...]:
    others = (other for other in parts if other.key != part.key)
    return tuple(sorted((*others, part), key=lambda each: each.key))
