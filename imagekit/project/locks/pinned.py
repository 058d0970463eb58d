"""What poetry.lock and pdm.lock come to for one target: versions with the hashes of their files.

Neither names URLs as a rule, so uv finds those (`compiled`); what does lie at a place of its own
(a folder, a commit, a URL) is written here as a pylock writes it (PEP 751).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field

from imagekit.model.errors import LockError
from imagekit.model.target import Target

_ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
# Both tools write `extra == "name"`, which packaging compares with one extra only; PEP 751 has a
# word for several at once.
_EXTRA = re.compile(r"""(?<![\w"'])extra\s*(==|!=)\s*("[^"]*"|'[^']*')""")


class Pin(Struct, frozen=True, kw_only=True):
    """One version of a package on an index, with the sha256 (hex) of the files that are meant."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    sha256s: frozenset[str]
    index: str | None = None
    """The URL of the index that the lock names for it; None for the one that the user has."""


Direct = Mapping[str, object]
"""A package that lies somewhere by itself, as a table of a pylock's `packages`."""


class Pins(Struct, frozen=True, kw_only=True):
    """All packages that a lock gives one function on one target."""

    pins: tuple[Pin, ...] = ()
    direct: tuple[Direct, ...] = ()


class Picked(Struct, kw_only=True):
    """Packages as they are picked from a lock, with all that is wrong with them."""

    again: str
    """What to type so that the tool writes a package anew; `{name}` stands for it."""
    pins: dict[tuple[str, str], Pin] = field(default_factory=dict)
    direct: dict[tuple[str, str], Direct] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def pin(self, pin: Pin) -> None:
        """A package of an index; the same one again (an extra of it) adds its hashes."""
        key = (pin.name, pin.version)
        if not pin.sha256s:
            return self.problem(pin.name, pin.version, "it has no sha256 of any file")
        before = self.pins.get(key)
        sha256s = pin.sha256s | (before.sha256s if before else frozenset())
        self.pins[key] = Pin(name=pin.name, version=pin.version, sha256s=sha256s, index=pin.index)

    def place(self, package: Direct) -> None:
        """A package that lies somewhere by itself."""
        self.direct[str(package["name"]), str(package.get("version", ""))] = package

    def problem(self, name: str, version: str, what: str) -> None:
        """Something is wrong with one package."""
        self.problems.append(f"{name} {version}: {what}; {self.again.format(name=name)}")

    def done(self, path: Path) -> Pins:
        """All of them; LockError with every problem, two versions of a package among them."""
        versions: dict[str, list[str]] = {}
        for name, version in (*self.pins, *self.direct):
            versions.setdefault(name, []).append(version)
        for name, found in versions.items():
            if len(found) > 1:
                what = "several of its versions are for this target, and one can be installed"
                self.problem(name, " and ".join(sorted(found)), what)
        if self.problems:
            raise LockError(path=path, problems=tuple(self.problems))
        return Pins(pins=tuple(self.pins.values()), direct=tuple(self.direct.values()))


def holds(marker: str, target: Target, extras: Collection[str] = ()) -> bool:
    """Whether a marker is true on `target` with these extras; none at all is.

    ValueError where it is no marker.
    """
    if marker in ("", "*"):
        return True
    from packaging.markers import InvalidMarker, Marker

    text = _EXTRA.sub(lambda m: f"{m[2]} {'in' if m[1] == '==' else 'not in'} extras", marker)
    environment: dict[str, str | frozenset[str]] = dict(target.environment())
    environment["extras"] = frozenset(map(normalised, extras))
    try:
        return Marker(text).evaluate(environment, context="lock_file")
    except InvalidMarker as error:
        raise ValueError(f"its marker cannot be read: {marker}") from error


def normalised(name: str) -> str:
    """The one spelling of a package's, group's or extra's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def version_of(text: object) -> str:
    """The one spelling of a version (PEP 440); as it stands where it is none."""
    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(str(text)))
    except InvalidVersion:
        return str(text)


def packages_of(content: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The `[[package]]` tables of either lock."""
    found = content.get("package")
    yield from (
        item for item in (found if isinstance(found, list) else []) if isinstance(item, Mapping)
    )


def files_of(package: Mapping[str, object]) -> Iterator[Mapping[str, str]]:
    """The files of a package: `hash` (`sha256:…`), and `file` or `url`."""
    files = package.get("files")
    for file in files if isinstance(files, list) else []:
        if isinstance(file, Mapping):
            yield {str(key): str(value) for key, value in file.items()}


def sha256s_of(files: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """The sha256 (hex) of those files that have one."""
    hashes = (file.get("hash", "").partition(":") for file in files)
    return frozenset(value.lower() for kind, _, value in hashes if kind == "sha256")


def archive(
    package: Mapping[str, object], place: Mapping[str, object], files: Iterable[Mapping[str, str]]
) -> Direct:
    """A file at the `url` or `path` of `place`. ValueError where the lock has no hash for it."""
    where = urlsplit(str(place.get("url") or place.get("path"))).path
    name = unquote(where).rpartition("/")[2]
    every = list(files)
    named = [file for file in every if file.get("file", name) == name] or every
    sha256s = sha256s_of(named)
    if len(sha256s) != 1:
        raise ValueError(
            f"{name} has {'no' if not sha256s else 'more than one'} sha256 in the lock"
        )
    hashes = {"sha256": next(iter(sha256s))}
    return {**head(package), "archive": {**place, "hashes": hashes}}


def head(package: Mapping[str, object]) -> dict[str, str]:
    """Name and version, in their one spelling. ValueError where there are none."""
    match package:
        case {"name": str(name), "version": str(version)}:
            return {"name": normalised(name), "version": version_of(version)}
        case _:
            raise ValueError("a package needs a name and a version")


def allows(specifier: str, version: str) -> bool:
    """Whether `>=3.11,<4` allows a version; what cannot be read forbids nothing."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def is_archive(place: str) -> bool:
    """Whether a path or URL is of a file that holds a package, by its name."""
    return urlsplit(place).path.endswith(_ARCHIVES)
