"""What templates say of a function's deployment, held to what the configuration takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from imagekit.model.target import ARCHITECTURES, PYTHONS, Architecture
from imagekit.project.config import LambdaSettings
from imagekit.project.config_keys import read_shared
from imagekit.project.config_lambda import contradictions, read_settings
from imagekit.project.config_table import Findings, Table
from imagekit.project.survey.values import FunctionFound, Notes

_RUNTIME = re.compile(r"python(3\.\d+)")


def python_of(runtime: str) -> str | None:
    """The minor version of `python3.13`; None for another language."""
    found = _RUNTIME.fullmatch(runtime)
    return found[1] if found else None


def supported(python: str | None, where: str, notes: Notes) -> str | None:
    """The version if imagekit knows it; else it is noted, and the choice is left open."""
    if python is None or python in PYTHONS:
        return python
    known = ", ".join(PYTHONS)
    todo = f"choose one of {known}; deploying then changes the function's runtime"
    notes.leave(where, f"Python {python} is not supported", todo)
    return None


def architecture_of(word: str) -> Architecture | None:
    """The architecture, where it is one."""
    return next((known for known in ARCHITECTURES if known == word), None)


def held(values: Mapping[str, object], where: str, notes: Notes) -> LambdaSettings:
    """The settings that a configuration may have; each other one is noted and left out."""
    given = {key: value for key, value in values.items() if value is not None}
    good = kept(given, read_settings, "lambda.", where, notes)
    return read_settings(Table(good, "", Findings("")))


def sound(function: FunctionFound, notes: Notes) -> FunctionFound:
    """The same without what the configuration would refuse, which is noted."""
    given: dict[str, object] = {
        "env": dict(function.env),
        "labels": dict(function.labels),
        "source": list(function.source or ()),
        "include": list(function.include),
        "exclude": list(function.exclude),
        "extensions": list(function.extensions),
    }
    good = kept(given, read_shared, "", function.where, notes)
    keys = read_shared(Table(good, "", Findings("")))
    return replace(
        function,
        env=keys.env or (),
        labels=keys.labels or (),
        source=keys.source or None,
        include=keys.include or (),
        exclude=keys.exclude or (),
        extensions=keys.extensions or (),
        settings=_agreeing(function, notes),
    )


def _agreeing(function: FunctionFound, notes: Notes) -> LambdaSettings:
    """The settings without those that are refused together."""
    findings = Findings("")
    at = Table({}, "", findings)
    contradictions(function.settings, function.python, function.packaging or "auto", at)
    for problem in findings.problems:
        key = problem.where.removeprefix(": ")
        todo = f"decide, and write `lambda.{key}`"
        notes.leave(function.where, f"{key}: {problem.what}", todo)
    dropped = {problem.where.removeprefix(": ") for problem in findings.problems}
    return replace(function.settings, **dict.fromkeys(dropped, None))


def kept(
    values: Mapping[str, object],
    read: Callable[[Table], object],
    prefix: str,
    where: str,
    notes: Notes,
) -> dict[str, object]:
    """What `read` finds no problem with; an entry of a table goes alone, any other key whole."""
    good = dict(values)
    findings = Findings("")
    read(Table(good, "", findings))
    for problem in findings.problems:
        key, _, entry = problem.where.removeprefix(": ").partition(".")
        entry = entry.strip('"')
        inside = good.get(key)
        shown = f"{key} {entry}".strip()
        todo = f"write what Lambda takes as `{prefix}{key}`, or leave it out"
        notes.leave(where, f"{shown}: {problem.what}", todo)
        if isinstance(inside, dict) and entry in inside and len(inside) > 1:
            good[key] = {name: value for name, value in inside.items() if name != entry}
        else:
            good.pop(key, None)
    return good
