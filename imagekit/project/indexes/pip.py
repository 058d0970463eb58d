"""The indexes that pip is told of: variables, its configuration files, lines of requirements files.

https://pip.pypa.io/en/stable/topics/configuration/ and
https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from imagekit.model.errors import ConfigError, Problem
from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.toml import plain_url
from imagekit.project.indexes.values import Index, Role

_SECTIONS = ("install", "global")
_KEYS: tuple[tuple[str, Role], ...] = (
    ("index-url", "default"),
    ("extra-index-url", "extra"),
    ("find-links", "find-links"),
)
_LINE = re.compile(
    r"^\s*(?:(--index-url|-i|--pypi-url)|(--extra-index-url)|(--find-links|-f))(?:\s*=\s*|\s+)"
    r"[\"']?([^\s\"']+)",
    re.MULTILINE,
)
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


def pip_indexes(machine: Machine) -> Iterator[Index]:
    """Each key from the strongest place that has it: variables, site, user, machine."""
    for key, role in _KEYS:
        where, value = pip_setting(key, machine)
        for url in value.split():
            if found := plain_url(url, where):
                yield Index(url=found[0], login=found[1], tool="pip", where=where, role=role)


def pip_setting(key: str, machine: Machine) -> tuple[str, str]:
    """Where a key of pip's is set, and to what; empty where it is not."""
    variable = f"PIP_{key.replace('-', '_').upper()}"
    if value := machine.text(variable):
        return variable, value
    for path in _files(machine):
        content = _read(path)
        for section in _SECTIONS:
            if value := content.get(section, {}).get(key, ""):
                return f"{key} of {machine.shown(path)}", value
    return variable, ""


def line_indexes(text: str, path: Path, machine: Machine) -> Iterator[Index]:
    """What the lines of a requirements file name; `${VARIABLE}` is filled in as pip does it."""
    for match in _LINE.finditer(text):
        role: Role = "default" if match[1] else "extra" if match[2] else "find-links"
        url = _VARIABLE.sub(lambda found: machine.environ.get(found[1], found[0]), match[4])
        where = f"{match[1] or match[2] or match[3]} of {machine.shown(path)}"
        if found := plain_url(url, where):
            yield Index(url=found[0], login=found[1], tool="lock", where=where, role=role)


def _files(machine: Machine) -> Iterator[Path]:
    """The strongest first; a file that PIP_CONFIG_FILE names stands in for the user's own."""
    named = machine.text("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    explicit = Path(named) if named else None
    if explicit:
        yield explicit
    name = "pip.ini" if machine.system == "win32" else "pip.conf"
    if environment := machine.text("VIRTUAL_ENV", "CONDA_PREFIX"):
        yield Path(environment) / name
    if explicit is None or not explicit.exists():
        yield machine.own("pip") / name
        yield machine.own("pip", xdg_on_mac=True) / name
        yield machine.home / ("pip" if machine.system == "win32" else ".pip") / name
    yield from (folder / name for folder in machine.shared("pip"))
    yield Path("/etc") / name


def _read(path: Path) -> Mapping[str, Mapping[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        raise _unreadable(path, "it cannot be read") from None
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        # Its message quotes the line, which may hold a token.
        raise _unreadable(path, "it is not in pip's form") from None
    return {
        section: {key.replace("_", "-"): value for key, value in parser.items(section)}
        for section in parser.sections()
    }


def _unreadable(path: Path, what: str) -> ConfigError:
    return ConfigError(problems=(Problem(str(path), what),), hint="pip config debug")
