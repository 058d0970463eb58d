"""Whether shared objects fit the machine, the glibc and the Python that will load them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from imagekit.contents.elf import ElfFacts
from imagekit.model.target import Target

_LIBRARY: Final = re.compile(r"\.so(?:\.\d+)*$")
# PEP 3149, as CPython's configure spells it; `t` is the free-threaded build.
_TAGGED: Final = re.compile(
    r"(.*)\.(?:cpython-3(\d+)(t?)-([a-z0-9_]+)-linux-(gnu|musl)\w*|abi3)\.so"
)
_ROOT: Final = re.compile(r"(?:.*/)?(?:site|dist)-packages/|var/task/|opt/[^/]+/")


class Expected(Struct, frozen=True, kw_only=True):
    """What files will meet, as far as it is known."""

    machine: str | None = None
    """As Linux spells it: `x86_64`, `aarch64`."""
    python: str | None = None
    """Minor version."""
    glibc: tuple[int, int] | None = None

    @classmethod
    def of(cls, target: Target | None) -> Expected:
        """All that a target says."""
        if target is None:
            return cls()
        return cls(machine=target.machine, python=target.python, glibc=target.glibc)


class ElfFile(Struct, frozen=True, kw_only=True):
    """An ELF file and where it lies; only what may be loaded or run is judged."""

    path: str
    facts: ElfFacts
    executable: bool = False

    @property
    def loadable(self) -> bool:
        """Packages also carry ELF files as data: for graphics cards, for the kernel."""
        return self.executable or _LIBRARY.search(self.path) is not None


def misfits(files: Sequence[ElfFile], expected: Expected) -> Iterator[tuple[str, str]]:
    """Path and reason of each file that cannot be loaded (lambda_rules R1)."""
    loadable = [file for file in files if file.loadable]
    fitting = {_group(file.path) for file in loadable if file.facts.machine == expected.machine}
    paths = {file.path for file in loadable}
    for file in loadable:
        if what := _misfit(file, expected, _group(file.path) in fitting, paths):
            yield file.path, what


def _misfit(file: ElfFile, expected: Expected, sibling: bool, paths: set[str]) -> str | None:
    tagged = _TAGGED.fullmatch(file.path)
    if tagged and tagged[5] == "musl":
        return "is built for musl, which no Lambda runtime has"
    if expected.machine not in (None, file.facts.machine):
        # A package that brings a library for each machine (debugpy does) picks one as it runs.
        chosen = tagged is not None and tagged[4] in (None, expected.machine)
        if sibling and not chosen:
            return None
        return f"is for {file.facts.machine}, not for {expected.machine}"
    if expected.glibc and file.facts.glibc and file.facts.glibc > expected.glibc:
        return f"asks for glibc {_dotted(file.facts.glibc)}; there is {_dotted(expected.glibc)}"
    if tagged and tagged[2] and expected.python and not _importable(tagged[1], expected, paths):
        return f"is for Python 3.{tagged[2]}{tagged[3]}, not for {expected.python}"
    return None


def _importable(stem: str, expected: Expected, paths: Iterable[str]) -> bool:
    """Whether the module lies there for the expected Python, too."""
    tag = "cpython-" + (expected.python or "").replace(".", "")
    return any(
        path.startswith((f"{stem}.{tag}-", f"{stem}.abi3.so")) or path == f"{stem}.so"
        for path in paths
    )


def _group(path: str) -> str:
    """The top-level package that a file belongs to."""
    root = _ROOT.match(path)
    start = root.end() if root else 0
    return path[: start + len(path[start:].partition("/")[0])]


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
