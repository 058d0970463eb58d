"""The indexes that uv is told of: variables, the project's files, the user's, the machine's.

https://docs.astral.sh/uv/concepts/indexes/ and https://docs.astral.sh/uv/concepts/configuration-files/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.toml import plain_url, read, table, tables, text, texts
from imagekit.project.indexes.values import Index, Login, Role

_NAMED = re.compile(r"([A-Za-z0-9._-]+)=(.+)")
_VARIABLES: tuple[tuple[str, Role, str | None], ...] = (
    ("UV_DEFAULT_INDEX", "default", None),
    ("UV_INDEX_URL", "default", None),
    ("UV_INDEX", "extra", None),
    ("UV_EXTRA_INDEX_URL", "extra", None),
    ("UV_FIND_LINKS", "find-links", ","),
)


def uv_indexes(folders: tuple[Path, ...], machine: Machine) -> Iterator[Index]:
    """What applies in `folders`; a name's own variables go before what stands in its URL."""
    yield from (_signed(index, machine) for index in _of_variables(machine))
    for where, settings in uv_settings(folders, machine):
        yield from (_signed(index, machine) for index in _of_settings(where, settings))


def uv_settings(
    folders: tuple[Path, ...], machine: Machine
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """uv's settings with the file that each stands in, the strongest first."""
    if machine.flag("UV_NO_CONFIG"):
        return
    if named := machine.text("UV_CONFIG_FILE"):
        yield machine.shown(Path(named)), read(Path(named))
        return
    for folder in folders:
        # In one folder uv.toml is used alone.
        if (folder / "uv.toml").is_file():
            yield machine.shown(folder / "uv.toml"), read(folder / "uv.toml")
        else:
            path = folder / "pyproject.toml"
            yield f"[tool.uv] of {machine.shown(path)}", table(read(path), "tool", "uv")
    for folder in (machine.own("uv", xdg_on_mac=True), *machine.shared("uv")):
        yield machine.shown(folder / "uv.toml"), read(folder / "uv.toml")


def variables_of(name: str) -> tuple[str, str]:
    """The variables for user and password of an index of this name."""
    stem = re.sub(r"[^A-Za-z0-9]", "_", name).upper()
    return f"UV_INDEX_{stem}_USERNAME", f"UV_INDEX_{stem}_PASSWORD"


def _of_variables(machine: Machine) -> Iterator[Index]:
    for variable, role, separator in _VARIABLES:
        for word in machine.text(variable).split(separator):
            named = _NAMED.fullmatch(word.strip())
            name, url = named.groups() if named and "://" not in named[1] else (None, word)
            if found := plain_url(url, variable):
                yield Index(
                    url=found[0],
                    login=found[1],
                    name=name,
                    tool="uv",
                    where=variable,
                    role=role,
                    variable=variable,
                )


def _of_settings(where: str, settings: Mapping[str, object]) -> Iterator[Index]:
    for entry in tables(settings.get("index")):
        role: Role = "default" if entry.get("default") is True else "extra"
        links: Role = "find-links" if entry.get("format") == "flat" else role
        yield from _index(text(entry, "url"), where, links, text(entry, "name"))
    for part in (settings, table(settings, "pip")):
        yield from _index(text(part, "index-url"), where, "default")
        for url in texts(part, "extra-index-url"):
            yield from _index(url, where, "extra")
        for url in texts(part, "find-links"):
            yield from _index(url, where, "find-links")


def _index(url: str | None, where: str, role: Role, name: str | None = None) -> Iterator[Index]:
    if url and (found := plain_url(url, f"the URL in {where}")):
        yield Index(url=found[0], login=found[1], name=name, tool="uv", where=where, role=role)


def _signed(index: Index, machine: Machine) -> Index:
    if index.name is None:
        return index
    user, password = variables_of(index.name)
    environ = machine.environ
    if not (environ.get(user) or environ.get(password)):
        return index
    source = password if environ.get(password) else user
    login = Login(user=environ.get(user, ""), password=environ.get(password), source=source)
    return replace(index, login=login)
