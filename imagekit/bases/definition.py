"""A base by name: a folder with a `base.toml`, an OCI layout, or an image reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from imagekit.model.errors import ConfigError, Problem
from imagekit.model.reference import Reference
from imagekit.model.target import ARCHITECTURES, PYTHONS, Architecture

FOLDER = "base_images"
FILE = "base.toml"
DEBIAN = "debian"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Debian policy 5.6.1 and 3.1; the suite goes into an argument list, so it cannot be an option.
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_SUITE = re.compile(r"[a-z][a-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_LATER = {
    "lock": "packages that are shared in a base are not available in this version",
    "system": "system packages in a base are not available in this version",
    "run": "`run` steps are not available in this version",
    "publish": "publishing a base is not available in this version",
}
_DEBIAN_KEYS = ("suite", "packages", "mirror")
_KEYS = ("from", "python", "architectures", "env", "labels", *_DEBIAN_KEYS, *_LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianOrigin:
    """Composed with mmdebstrap."""

    suite: str
    packages: tuple[str, ...]
    mirror: str | None = None
    """A URL to take the packages from; None leaves it to mmdebstrap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A `base.toml`, read and checked."""

    name: str
    path: Path
    origin: Reference | DebianOrigin
    python: str | None = None
    """Minor version that the base must have; None takes what is there."""
    architectures: tuple[Architecture, ...] = ARCHITECTURES
    env: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


Source = Definition | Reference | Path
"""What a base's name stands for; a Path is a folder with an OCI layout."""


def find(name: str, roots: tuple[Path, ...]) -> Source:
    """What `name` in a configuration means; relative paths start at the first root.

    Order: `base_images/NAME` in each root, the shipped ones, an OCI layout on disk, a reference.
    Errors: ConfigError for a name that is none of these, with those that are near.
    """
    if _NAME.fullmatch(name):
        for home in _homes(roots):
            if (home / name).is_dir():
                return read(home / name)
    folder = next(iter(roots), Path()) / name
    if (folder / "oci-layout").is_file():
        return folder
    if name.startswith((".", "/", "~")) or folder.exists():
        raise _unusable(f"there is no OCI layout at {folder}", _hint(name, roots))
    if not re.search(r"[/:@]", name):
        raise _unusable(f"there is no base called {name!r}", _hint(name, roots))
    try:
        return reference(name)
    except ValueError as error:
        raise _unusable(str(error), _hint(name, roots)) from error


def named_in(name: str, roots: tuple[Path, ...]) -> tuple[Path, ...]:
    """Those of the roots whose `base_images/` has a base of this name."""
    if not _NAME.fullmatch(name):
        return ()
    return tuple(root for root in roots if (root / FOLDER / name).is_dir())


def names(roots: tuple[Path, ...]) -> tuple[str, ...]:
    """Every base that can be named here, sorted."""
    found = {path.parent.name for home in _homes(roots) for path in home.glob(f"*/{FILE}")}
    return tuple(sorted(found))


def reference(text: str) -> Reference:
    """Read an image reference; without a tag or digest it means `latest`, as everywhere."""
    found = Reference.parse(text)
    return found if found.tag or found.digest else found.tagged("latest")


def read(folder: Path) -> Definition:
    """Read `FOLDER/base.toml`; ConfigError with every problem at once."""
    import tomli

    path = folder / FILE
    try:
        table = tomli.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        problem = Problem(str(path), what or "cannot be read")
        raise ConfigError(problems=(problem,)) from error
    problems = tuple(Problem(f"{path}: {key}", what) for key, what in _problems(table))
    if problems:
        raise ConfigError(problems=problems)
    return Definition(
        name=folder.name,
        path=path,
        origin=_origin(table),
        python=cast("str | None", table.get("python")),
        architectures=tuple(table.get("architectures", ARCHITECTURES)),
        env=_pairs(table.get("env", {})),
        labels=_pairs(table.get("labels", {})),
    )


def shipped() -> Path:
    """The folder of the bases that come with imagekit: in the wheel, or beside a checkout."""
    package = Path(__file__).parents[1]
    inside = package / FOLDER
    return inside if inside.is_dir() else package.parent / FOLDER


def _homes(roots: tuple[Path, ...]) -> tuple[Path, ...]:
    return (*(root / FOLDER for root in roots), shipped())


def _hint(name: str, roots: tuple[Path, ...]) -> str:
    from difflib import get_close_matches

    known = names(roots)
    if near := get_close_matches(name, known, n=3):
        return f"did you mean {' or '.join(near)}?"
    return f"use one of {', '.join(known)}, an image reference, or a folder with an OCI layout"


def _unusable(what: str, hint: str) -> ConfigError:
    return ConfigError(problems=(Problem("base", what),), hint=hint)


def _origin(table: Mapping[str, object]) -> Reference | DebianOrigin:
    if table["from"] != DEBIAN:
        return reference(str(table["from"]))
    return DebianOrigin(
        suite=str(table["suite"]),
        packages=tuple(cast("list[str]", table["packages"])),
        mirror=cast("str | None", table.get("mirror")),
    )


def _pairs(table: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(table.items()))


def _problems(table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key in table:
        if key in _LATER:
            yield key, _LATER[key]
        elif key not in _KEYS:
            yield key, _unknown(key)
    if table.get("from") == DEBIAN:
        yield from _debian_problems(table)
    else:
        yield from _reference_problems(table)
    yield from _target_problems(table)
    for key in ("env", "labels"):
        yield from _table_problems(key, table.get(key, {}))


def _unknown(key: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, _KEYS, n=1)
    return "is not known" + (f"; did you mean {near[0]}?" if near else "")


def _debian_problems(table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    suite, packages, mirror = table.get("suite"), table.get("packages"), table.get("mirror")
    if not (isinstance(suite, str) and _SUITE.fullmatch(suite)):
        yield "suite", 'must be the name of a Debian release, such as "trixie"'
    if not (isinstance(packages, list) and packages):
        yield "packages", 'must list Debian packages, such as ["python3.13", "ca-certificates"]'
    else:
        for package in packages:
            if not (isinstance(package, str) and _PACKAGE.fullmatch(package)):
                yield "packages", f"{package!r} is not the name of a Debian package"
    if mirror is not None and not (
        isinstance(mirror, str) and re.match(r"(?:https?|file)://\S+$", mirror)
    ):
        yield "mirror", "must be a URL"


def _reference_problems(table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key in _DEBIAN_KEYS:
        if key in table:
            yield key, f'is only used with from = "{DEBIAN}"'
    origin = table.get("from")
    if not isinstance(origin, str):
        yield "from", f'must be an image reference or "{DEBIAN}"'
    elif not re.search(r"[/:@]", origin):
        yield "from", f"{origin!r} names no registry; a base on another base is not available yet"
    else:
        try:
            reference(origin)
        except ValueError as error:
            yield "from", str(error)


def _target_problems(table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    python, architectures = table.get("python"), table.get("architectures")
    if python is not None and python not in PYTHONS:
        yield "python", f"{python!r} is not one of {', '.join(PYTHONS)}"
    if architectures is not None and not (
        isinstance(architectures, list)
        and architectures
        and all(architecture in ARCHITECTURES for architecture in architectures)
    ):
        yield "architectures", f"must list some of {', '.join(ARCHITECTURES)}"


def _table_problems(key: str, table: object) -> Iterator[tuple[str, str]]:
    if not isinstance(table, dict):
        yield key, "must be a table of strings"
        return
    for name, value in table.items():
        if not isinstance(value, str):
            yield f"{key}.{name}", "must be a string"
        elif key == "env" and not _VARIABLE.fullmatch(name):
            yield f"{key}.{name}", "is not the name of an environment variable"
