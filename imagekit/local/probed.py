"""What the probe said, as values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from imagekit.local.importtime import Measured, read

Mode = Literal["asis", "source", "cached"]

_MARK = "imagekit-probe:"


class ImportFailed(Exception):
    """The handler's module could not be imported; holds what was said on stderr."""


class Module(Struct, frozen=True, kw_only=True):
    """A module as the process that imported it saw it."""

    file: str | None = None
    folder: str | None = None
    """Of a package; the first, where it has several."""
    built_in: bool = False
    """Part of the interpreter's program."""
    bytecode_bytes: int | None = None
    """Of its `.pyc`; None where there is none."""


class Run(Struct, frozen=True, kw_only=True):
    """One process that imported the runtime client and the handler."""

    mode: Mode
    wall_us: int
    """By the clock, both together."""
    client_us: int
    """Of these the runtime client's."""
    measured: Measured


class Probed(Struct, frozen=True, kw_only=True):
    """All that the probe found out."""

    python: str
    stdlib: str
    """Folder of the standard library."""
    task: str
    """Folder of the function's code, with a slash at its end."""
    modules: Mapping[str, Module]
    owners: Mapping[str, str]
    """`name version` of the distribution that installed a file."""
    sources: Mapping[str, str]
    """Text of own modules."""
    edges: frozenset[tuple[str, str]]
    """Who imports whom, seen while importing."""
    shipped: Literal["all", "some", "none"]
    """How much of what was imported below the function's folders has bytecode."""
    cached: Mapping[str, Module]
    """Modules with the bytecode that was made while measuring; empty where none was missing."""
    runs: tuple[Run, ...]

    def of(self, mode: Mode) -> tuple[Run, ...]:
        """The runs of one kind, in their order."""
        return tuple(run for run in self.runs if run.mode == mode)


def parse(said: str) -> Probed:
    """The probe's answer among whatever else was said; ImportFailed, ValueError for no answer."""
    lines = [line for line in said.splitlines() if line.startswith(_MARK)]
    if not lines:
        raise ValueError("the probe said nothing")
    answer: dict[str, Any] = json.loads(lines[-1].removeprefix(_MARK))
    if "failed" in answer:
        said = "\n".join(_without_probe(answer["failed"])).strip()
        raise ImportFailed(said or f"the process ended with status {answer['status']}")
    facts = answer["facts"]
    return Probed(
        python=facts["python"],
        stdlib=facts["stdlib"],
        task=facts["task"],
        modules=_modules(facts["modules"]),
        owners=facts["owners"],
        sources=facts["sources"],
        edges=frozenset((importer, module) for importer, module in facts["edges"]),
        shipped=_shipped(facts["with_bytecode"], facts["without_bytecode"]),
        cached=_modules(facts.get("cached", {})),
        runs=tuple(
            Run(
                mode=run["mode"],
                wall_us=run["wall_us"],
                client_us=run["client_us"],
                measured=read(run["log"]),
            )
            for run in answer["runs"]
        ),
    )


def _without_probe(lines: Iterable[str]) -> Iterator[str]:
    """What the function said: without the probe's marks, and its frames in tracebacks."""
    ours = False
    for line in lines:
        if line.startswith("  File ") or not line.startswith(" "):
            ours = line.startswith(('  File "<string>"', _MARK))
        if not ours:
            yield line


def _modules(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Module]:
    return {name: Module(**known) for name, known in found.items()}


def _shipped(having: int, lacking: int) -> Literal["all", "some", "none"]:
    if not lacking:
        return "all"
    return "some" if having else "none"
