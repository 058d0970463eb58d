"""What would make a ZIP fit: what can be left out, and what that saves to the byte. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from imagekit.contents.slim.dress import RUNTIME_BRINGS
from imagekit.contents.slim.trim import dropped_of, record_bytes
from imagekit.model.advice import Way
from imagekit.model.package import Package
from imagekit.model.sizes import size
from imagekit.model.slim import Slim, SlimSettings
from imagekit.plan.optional_parts import OPTIONAL_PARTS, OptionalPart

Files = Sequence[tuple[str, int]]
"""Of one package what arrives under the root: path and size."""

_WORTH_BYTES: Final = 1_000_000
_WHOLE: Final = 3
_WITH_PARTS: Final = frozenset(part.package for part in OPTIONAL_PARTS)


class Contents(Struct, frozen=True, kw_only=True):
    """A ZIP as it would be made: its packages with their bytes, and its source."""

    packages: Sequence[Package]
    weights: Mapping[str, int]
    """By package name."""
    files: Mapping[str, Files]
    """By package name; of `wanted_files` at least."""
    source_bytes: int
    limit_bytes: int

    @property
    def total_bytes(self) -> int:
        """Unzipped, without bytecode."""
        return self.source_bytes + sum(self.weights[one.name] for one in self.packages)


def wanted_files(packages: Sequence[Package], slim: SlimSettings) -> tuple[Package, ...]:
    """The packages whose files have to be known to give advice."""
    if slim.profile == "off":
        return tuple(packages)
    return tuple(one for one in packages if one.name in _WITH_PARTS)


def ways(contents: Contents, slim: SlimSettings) -> tuple[Way, ...]:
    """What to leave out: those that do it alone first, then by what they save.

    Where none does it alone, as many of them together as it takes; whole packages come last.
    """
    changes = sorted(_changes(contents, slim), key=lambda one: -one.saves_bytes)
    found = [_way(contents, slim, (one,)) for one in changes]
    if not any(way.fits for way in found) and (enough := _enough(contents, changes)):
        found.insert(0, _way(contents, slim, enough))
    found.sort(key=lambda way: not way.fits)
    return (*found, *_symbols(slim), *_whole(contents, slim))


class _Change(Struct, frozen=True, kw_only=True):
    what: str
    costs: str
    saves_bytes: int
    drop: tuple[str, ...] = ()
    provided: tuple[str, ...] = ()
    slim: str = ""


def _changes(contents: Contents, slim: SlimSettings) -> Iterator[_Change]:
    if slim.profile == "off":
        yield from _worth(_safe(contents))
    for package in contents.packages:
        for part in OPTIONAL_PARTS:
            if part.package == package.name:
                yield from _worth(_part(contents, package, part))
    brought = sorted(one.name for one in contents.packages if one.name in RUNTIME_BRINGS)
    if "botocore" in brought:
        yield from _worth(_provided(contents, tuple(brought)))


def _worth(change: _Change) -> Iterator[_Change]:
    if change.saves_bytes >= _WORTH_BYTES:
        yield change


def _safe(contents: Contents) -> _Change:
    saves = sum(
        _gone(contents, package, replace(package.slim, profile="safe"))
        for package in contents.packages
        if not package.own
    )
    return _Change(
        what="tests, docs, stubs and C sources of packages",
        costs="",
        saves_bytes=saves,
        slim='slim = "safe"',
    )


def _part(contents: Contents, package: Package, part: OptionalPart) -> _Change:
    asked = replace(package.slim, drop=(*package.slim.drop, *part.drop))
    return _Change(
        what=f"{package.label} ({size(contents.weights[package.name])}) without {part.words}",
        costs=part.costs,
        saves_bytes=_gone(contents, package, asked),
        drop=part.drop,
    )


def _provided(contents: Contents, names: tuple[str, ...]) -> _Change:
    return _Change(
        what=f"what Lambda's runtime brings ({', '.join(names)})",
        costs="the versions of the lock: the runtime has its own",
        saves_bytes=sum(contents.weights[name] for name in names),
        provided=names,
    )


def _gone(contents: Contents, package: Package, asked: Slim) -> int:
    """Bytes that a package loses where it is slimmed as `asked`: files, and RECORD's rows."""
    files = contents.files.get(package.name, ())
    gone = dropped_of(files, replace(package, slim=asked))
    return sum(one.size_bytes for one in gone) + (record_bytes(gone) if gone else 0)


def _enough(contents: Contents, changes: Sequence[_Change]) -> tuple[_Change, ...]:
    """The largest ones that suffice together; none where all of them do not."""
    left, taken = contents.total_bytes, []
    for change in changes:
        taken.append(change)
        left -= change.saves_bytes
        if left < contents.limit_bytes:
            return tuple(taken)
    return ()


def _way(contents: Contents, slim: SlimSettings, changes: Sequence[_Change]) -> Way:
    saves = sum(one.saves_bytes for one in changes)
    left = contents.total_bytes - saves
    return Way(
        what="; ".join(one.what for one in changes),
        write=tuple(_keys(slim, changes)),
        costs="; ".join(one.costs for one in changes if one.costs),
        saves_bytes=saves,
        total_bytes=left,
        fits=left < contents.limit_bytes,
    )


def _keys(slim: SlimSettings, changes: Sequence[_Change]) -> Iterator[str]:
    """Each key once, with what it says already."""
    yield from (one.slim for one in changes if one.slim)
    if dropped := [pattern for one in changes for pattern in one.drop]:
        yield _list("drop", (*slim.drop, *dropped))
    if provided := [name for one in changes for name in one.provided]:
        yield _list("provided", (*slim.provided, *provided))


def _symbols(slim: SlimSettings) -> Iterator[Way]:
    if slim.profile == "safe":
        yield Way(what="debug symbols of shared objects, too", write=('slim = "max"',))


def _whole(contents: Contents, slim: SlimSettings) -> Iterator[Way]:
    heaviest = sorted(contents.packages, key=lambda one: -contents.weights[one.name])
    for package in heaviest[:_WHOLE]:
        saves = contents.weights[package.name]
        left = contents.total_bytes - saves
        if left < contents.limit_bytes:
            yield Way(
                what=f"{package.label} left out",
                write=(_list("exclude_packages", (*slim.exclude_packages, package.name)),),
                costs="whatever imports it",
                saves_bytes=saves,
                total_bytes=left,
                fits=True,
            )


def _list(key: str, values: Iterable[str]) -> str:
    return f"{key} = {json.dumps(list(dict.fromkeys(values)))}"
