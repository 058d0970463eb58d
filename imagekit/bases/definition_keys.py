"""The keys of a `base.toml`: what each of them takes, and what is wrong with one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from imagekit.bases.definition import (
    DEBIAN,
    NAME,
    DebianOrigin,
    Definition,
    Origin,
    OtherBase,
    reference,
)
from imagekit.bases.publishing_keys import publishing, publishing_problems
from imagekit.bases.slim_keys import SLIM_KEYS, slim_of, slim_problems
from imagekit.model.target import ARCHITECTURES, PYTHONS, Architecture

# Debian policy 5.6.1 and 3.1; the suite goes into an argument list, so it cannot be an option.
_DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_SUITE = re.compile(r"[a-z][a-z0-9-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_DEBIAN_KEYS = ("suite", "packages", "mirror")
_LOCK_KEYS = ("groups", "extras", *SLIM_KEYS)
_KEYS = (
    *("from", "python", "architectures", "env", "labels", "lock", "system", "run", "publish"),
    *(_DEBIAN_KEYS + _LOCK_KEYS),
)

Table = Mapping[str, object]
Problems = Iterator[tuple[str, str]]


def definition(table: Table, path: Path) -> Definition:
    """The definition that stands at `path`; the table has no problems."""
    return Definition(
        name=path.parent.name,
        path=path,
        origin=_origin(table),
        python=cast("str | None", table.get("python")),
        listed=cast("tuple[Architecture, ...]", _texts(table, "architectures")) or None,
        env=_pairs(table, "env"),
        labels=_pairs(table, "labels"),
        lock=cast("str | None", table.get("lock")),
        groups=_texts(table, "groups"),
        extras=_texts(table, "extras"),
        system=_texts(table, "system"),
        run=_texts(table, "run"),
        publish=publishing(cast("Table", table["publish"])) if "publish" in table else None,
        slim=slim_of(table),
    )


def problems_in(table: Table, folder: Path) -> Problems:
    """Every key that is wrong, and what it takes; relative paths start at `folder`."""
    for key in table:
        if key not in _KEYS:
            yield key, unknown(key, _KEYS)
    if table.get("from") == DEBIAN:
        yield from _debian_problems(table)
    else:
        yield from _origin_problems(table, folder)
    yield from _target_problems(table)
    for key in ("env", "labels"):
        yield from _table_problems(key, table.get(key, {}))
    yield from _lock_problems(table, folder)
    yield from _step_problems(table)
    if "publish" in table:
        yield from publishing_problems(table["publish"])


def unknown(key: str, known: tuple[str, ...]) -> str:
    """What to say of a key that nobody knows."""
    from difflib import get_close_matches

    near = get_close_matches(key, known, n=1)
    return "is not known" + (f"; did you mean {near[0]}?" if near else "")


def _origin(table: Table) -> Origin:
    origin = str(table["from"])
    if origin == DEBIAN:
        return DebianOrigin(
            suite=str(table["suite"]),
            packages=(*_texts(table, "packages"), *_texts(table, "system")),
            mirror=cast("str | None", table.get("mirror")),
        )
    return reference(origin) if re.search(r"[/:@]", origin) else OtherBase(origin)


def _texts(table: Table, key: str) -> tuple[str, ...]:
    return tuple(cast("list[str]", table.get(key, [])))


def _pairs(table: Table, key: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(cast("dict[str, str]", table.get(key, {})).items()))


def _debian_problems(table: Table) -> Problems:
    suite, mirror = table.get("suite"), table.get("mirror")
    if not (isinstance(suite, str) and _SUITE.fullmatch(suite)):
        yield "suite", 'must be the name of a Debian release, such as "trixie"'
    if not table.get("packages"):
        yield "packages", 'must list Debian packages, such as ["python3.13", "ca-certificates"]'
    else:
        yield from _listed(table, "packages", _DEBIAN_PACKAGE, "the name of a Debian package")
    if mirror is not None and not (
        isinstance(mirror, str) and re.match(r"(?:https?|file)://\S+$", mirror)
    ):
        yield "mirror", "must be a URL"


def _origin_problems(table: Table, folder: Path) -> Problems:
    for key in _DEBIAN_KEYS:
        if key in table:
            yield key, f'is only used with from = "{DEBIAN}"'
    origin = table.get("from")
    if not isinstance(origin, str):
        yield "from", f'must be an image reference, the name of another base, or "{DEBIAN}"'
    elif re.search(r"[/:@]", origin):
        try:
            reference(origin)
        except ValueError as error:
            yield "from", str(error)
    elif not NAME.fullmatch(origin):
        yield "from", f"{origin!r} is neither an image reference nor the name of a base"
    elif origin == folder.name:
        yield "from", "names the base itself"


def _target_problems(table: Table) -> Problems:
    python, architectures = table.get("python"), table.get("architectures")
    if python is not None and python not in PYTHONS:
        yield "python", f"{python!r} is not one of {', '.join(PYTHONS)}"
    if architectures is not None and not (
        isinstance(architectures, list)
        and architectures
        and all(architecture in ARCHITECTURES for architecture in architectures)
    ):
        yield "architectures", f"must list some of {', '.join(ARCHITECTURES)}"


def _table_problems(key: str, table: object) -> Problems:
    if not isinstance(table, dict):
        yield key, "must be a table of strings"
        return
    for name, value in table.items():
        if not isinstance(value, str):
            yield f"{key}.{name}", "must be a string"
        elif key == "env" and not _VARIABLE.fullmatch(name):
            yield f"{key}.{name}", "is not the name of an environment variable"


def _lock_problems(table: Table, folder: Path) -> Problems:
    lock = table.get("lock")
    if lock is not None and not (isinstance(lock, str) and lock):
        yield "lock", 'must be the name of a file, such as "uv.lock" or "requirements.txt"'
    elif isinstance(lock, str) and not (folder / lock).is_file():
        yield "lock", f"there is no file {lock!r} in {folder}"
    for key in _LOCK_KEYS:
        if key in table and lock is None:
            yield key, "is only used with `lock`"
    for key in ("groups", "extras"):
        yield from _listed(table, key, re.compile(r"\S+"), "a name")
    yield from slim_problems(table)


def _step_problems(table: Table) -> Problems:
    debian = table.get("from") == DEBIAN
    names = _DEBIAN_PACKAGE if debian else _PACKAGE
    what = "the name of a Debian package" if debian else "the name of a package"
    yield from _listed(table, "system", names, what)
    # No NUL in an argument of a program, and no step that does nothing.
    yield from _listed(table, "run", re.compile(r"[^\0]*[^\s\0][^\0]*"), "a shell command")


def _listed(table: Table, key: str, wanted: re.Pattern[str], what: str) -> Problems:
    """Problems of a list of strings; none where the key is absent."""
    found = table.get(key, [])
    if not isinstance(found, list):
        yield key, "must be a list of strings"
        return
    for one in found:
        if not (isinstance(one, str) and wanted.fullmatch(one)):
            yield key, f"{one!r} is not {what}"
