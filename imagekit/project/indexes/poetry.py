"""The sources of poetry: `[[tool.poetry.source]]`, and who we are to them by poetry's settings.

https://python-poetry.org/docs/repositories/ and https://python-poetry.org/docs/configuration/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.toml import plain_url, read, table, tables, text
from imagekit.project.indexes.values import Index, Login

_ORDER = {"primary": 0, "default": 0, "supplemental": 1, "secondary": 1, "explicit": 2}


def poetry_indexes(folders: tuple[Path, ...], machine: Machine) -> Iterator[Index]:
    """The sources of the innermost project that has some, in the order in which poetry asks.

    The last one has the role of the default where poetry asks nobody else: as soon as one source
    is primary (and none is called PyPI), the public index is out.
    """
    for folder in folders:
        path = folder / "pyproject.toml"
        entries = list(tables(table(read(path), "tool", "poetry").get("source")))
        if entries:
            where = f"[[tool.poetry.source]] of {machine.shown(path)}"
            yield from _ordered(entries, where, _Logins(folder, machine))
            return


class _Logins:
    """Variables go before poetry.toml, auth.toml and config.toml, as in poetry."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self._environ = machine.environ
        named = machine.text("POETRY_CONFIG_DIR")
        own = Path(named) if named else machine.own("pypoetry")
        files = (folder / "poetry.toml", own / "auth.toml", own / "config.toml")
        self._files = [(machine.shown(path), read(path)) for path in files]

    def of(self, name: str) -> Login | None:
        stem = re.sub(r"[^A-Za-z0-9]", "_", name).upper()
        user, password = (f"POETRY_HTTP_BASIC_{stem}_{end}" for end in ("USERNAME", "PASSWORD"))
        if self._environ.get(user) or self._environ.get(password):
            return Login(
                user=self._environ.get(user, ""),
                password=self._environ.get(password),
                source=password if self._environ.get(password) else user,
            )
        for where, content in self._files:
            entry = table(content, "http-basic", name)
            if found := text(entry, "username"):
                said = entry.get("password")
                return Login(
                    user=found,
                    password=said if isinstance(said, str) else None,
                    source=f"http-basic.{name} of {where}",
                )
        return None


def _ordered(entries: list[dict[str, object]], where: str, logins: _Logins) -> Iterator[Index]:
    by_priority = sorted(entries, key=_rank)
    found = [index for entry in by_priority if (index := _index(entry, where, logins))]
    primary = any(_rank(entry) == 0 for entry in entries)
    public = any((text(entry, "name") or "").lower() == "pypi" for entry in entries)
    for place, index in enumerate(found, start=1):
        alone = primary and not public and place == len(found)
        yield index if not alone else _default(index)


def _rank(entry: Mapping[str, object]) -> int:
    if entry.get("default") is True:
        return 0
    if entry.get("secondary") is True:
        return 1
    return _ORDER.get((text(entry, "priority") or "primary").lower(), 0)


def _index(entry: Mapping[str, object], where: str, logins: _Logins) -> Index | None:
    name = text(entry, "name")
    found = plain_url(text(entry, "url") or "", f"the URL in {where}")
    if name is None or found is None:
        return None
    return Index(
        url=found[0],
        name=name,
        tool="poetry",
        where=where,
        login=logins.of(name) or found[1],
        keyring_service=f"poetry-repository-{name}",
    )


def _default(index: Index) -> Index:
    return replace(index, role="default")
