"""The sources of PDM: `[[tool.pdm.source]]`, and `pypi` of its settings.

https://pdm-project.org/latest/usage/config/#configure-the-package-indexes
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.toml import plain_url, read, table, tables, text
from imagekit.project.indexes.values import Index, Login, Role

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PUBLIC = "pypi"
"""PDM's name for its default index, which a source of this name replaces."""


def pdm_indexes(folders: tuple[Path, ...], machine: Machine) -> Iterator[Index]:
    """The sources of the innermost project that has some, then those of PDM's own settings."""
    settings = list(_settings(folders, machine))
    seen: set[str | None] = set()
    for index in (*_of_project(folders, machine), *_of_settings(settings, machine)):
        if index.name not in seen:
            seen.add(index.name)
            yield _signed(index, settings)


def _of_project(folders: tuple[Path, ...], machine: Machine) -> Iterator[Index]:
    for folder in folders:
        path = folder / "pyproject.toml"
        entries = list(tables(table(read(path), "tool", "pdm").get("source")))
        where = f"[[tool.pdm.source]] of {machine.shown(path)}"
        for entry in entries:
            links = text(entry, "type") == "find_links"
            yield from _index(entry, text(entry, "name"), where, machine, links=links)
        if entries:
            return


def _of_settings(
    settings: list[tuple[str, dict[str, object]]], machine: Machine
) -> Iterator[Index]:
    for where, pypi in settings:
        yield from _index(pypi, _PUBLIC, where, machine)
        for name, entry in pypi.items():
            if isinstance(entry, dict):
                yield from _index(
                    entry, name, where, machine, links=entry.get("type") == "find_links"
                )


def _settings(
    folders: tuple[Path, ...], machine: Machine
) -> Iterator[tuple[str, dict[str, object]]]:
    """`pypi` of PDM's settings, the strongest first."""
    variables = {
        "url": machine.text("PDM_PYPI_URL"),
        "username": machine.text("PDM_PYPI_USERNAME"),
        "password": machine.text("PDM_PYPI_PASSWORD"),
    }
    yield "PDM_PYPI_URL", {key: value for key, value in variables.items() if value}
    named = machine.text("PDM_CONFIG_FILE")
    own = Path(named) if named else machine.own("pdm", roaming=False) / "config.toml"
    shared = (folder / "config.toml" for folder in machine.shared("pdm"))
    for path in (*(folder / "pdm.toml" for folder in folders), own, *shared):
        yield f"pypi of {machine.shown(path)}", table(read(path), "pypi")


def _index(
    entry: Mapping[str, object],
    name: str | None,
    where: str,
    machine: Machine,
    *,
    links: bool = False,
) -> Iterator[Index]:
    url = _VARIABLE.sub(lambda found: machine.text(found[1]), text(entry, "url") or "")
    found = plain_url(url, f"the URL in {where}")
    if found is None:
        return
    role: Role = "find-links" if links else "default" if name == _PUBLIC else "extra"
    own = _login(entry, where)
    yield Index(url=found[0], name=name, tool="pdm", where=where, role=role, login=own or found[1])


def _signed(index: Index, settings: list[tuple[str, dict[str, object]]]) -> Index:
    """A source of the project gets user and password from the settings of its name."""
    for where, pypi in settings:
        entry = pypi if index.name == _PUBLIC else table(pypi, index.name or "")
        if login := _login(entry, where):
            return replace(index, login=login)
    return index


def _login(entry: Mapping[str, object], where: str) -> Login | None:
    user, password = text(entry, "username"), text(entry, "password")
    if user is None:
        return None
    source = where.replace("_URL", "_PASSWORD") if where.startswith("PDM_") else where
    return Login(user=user, password=password, source=source)
