"""Finds the CPython that compiles bytecode and builds wheels (design, decision 3)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, CommandFailed
from imagekit.project.command import run
from imagekit.project.uv import Uv
from imagekit.store import Store

Candidate = Path | tuple[str, ...]
"""A program, or how to start one: a composed base's Python may run through its own loader."""

_RECORD = "interpreter"
_PROBE = (
    "import sys; v = sys.version_info; "
    "print(sys.implementation.name, *v[:5], 'free-threading' in sys.version)"
)
_PROBE_SECONDS = 30
_PROGRAMS = ("bin/python", "python.exe")


class Interpreter(Struct, frozen=True, kw_only=True):
    """A CPython that was started once and said what it is."""

    version: str
    """Full, such as `3.13.0` or `3.14.0rc2`."""
    argv: tuple[str, ...]
    """How to start it; arguments for Python follow."""

    @property
    def path(self) -> str | None:
        """The program, for others that start it by themselves; None if it needs a loader."""
        return self.argv[0] if len(self.argv) == 1 else None


class _Wanted(Struct, frozen=True, kw_only=True):
    minor: str
    exact: str | None
    environ: Mapping[str, str]
    extra: tuple[Candidate, ...]
    folder: Path
    """Where programs are started: none of the user's, whose project settings would apply."""

    @property
    def home(self) -> Path:
        return Path(self.environ.get("HOME") or self.environ.get("USERPROFILE") or Path.home())

    def folders(self) -> Iterator[Path]:
        """Where versions come and go: pyenv's and uv's own."""
        yield Path(self.environ.get("PYENV_ROOT") or self.home / ".pyenv") / "versions"
        data = Path(self.environ.get("XDG_DATA_HOME") or self.home / ".local" / "share")
        yield Path(self.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")

    def key(self) -> str:
        """Changes with the question, and with what is installed."""
        asked = [self.minor, self.exact, self.environ.get("PATH"), sys.executable]
        preferences = sorted(
            (name, text) for name, text in self.environ.items() if name.startswith("UV_PYTHON")
        )
        stamps = [_stamp(folder) for folder in self.folders()]
        extra = [[*_argv(candidate)] for candidate in self.extra]
        return Digest.of(json.dumps([asked, preferences, stamps, extra]).encode()).hex


def find(
    minor: str,
    *,
    exact: str | None = None,
    environ: Mapping[str, str],
    store: Store,
    extra: tuple[Candidate, ...] = (),
    install: bool = False,
) -> Interpreter | None:
    """The CPython of `minor` (`3.13`), that of version `exact` if there is one, else the newest.

    Asks `uv python find`, looks into pyenv's folders, tries `extra` and the Python that runs
    imagekit; only if none of them fits, and with `install`, runs `uv python install`. Free-threaded
    builds are not taken, nor anything before a release candidate. The answer is kept in the store,
    so that the next call starts no program.
    """
    store.root.mkdir(parents=True, exist_ok=True)
    wanted = _Wanted(minor=minor, exact=exact, environ=environ, extra=extra, folder=store.root)
    if known := _remembered(store.record(_RECORD, wanted.key())):
        return known
    found = _best(wanted, store, _candidates(wanted))
    if found is None and install:
        found = _best(wanted, store, _install(wanted))
    if found is not None:
        value: dict[str, object] = {"version": found.version, "argv": [*found.argv]}
        store.put_record(_RECORD, wanted.key(), value | {"stamp": _stamps(found.argv)})
    return found


def none_found(minor: str) -> CannotBuild:
    """The error for a build that needs an interpreter where there is none."""
    return CannotBuild(
        what=f"bytecode for Python {minor} needs a CPython {minor}, and none was found",
        hint=f"uv python install {minor}, or set `bytecode = false`",
    )


def _best(
    wanted: _Wanted, store: Store, candidates: Iterator[tuple[str, ...]]
) -> Interpreter | None:
    best: Interpreter | None = None
    tried: set[tuple[str, ...]] = set()
    for argv in candidates:  # one by one: each next one may start a program to be found
        if argv in tried:
            continue
        tried.add(argv)
        version = _probe(argv, wanted.environ, store)
        if version is None or not version.startswith(f"{wanted.minor}."):
            continue
        if version == wanted.exact:
            return Interpreter(version=version, argv=argv)
        if best is None or _rank(version) > _rank(best.version):
            best = Interpreter(version=version, argv=argv)
    return best


def _candidates(wanted: _Wanted) -> Iterator[tuple[str, ...]]:
    yield from _by_name(wanted)
    for version in dict.fromkeys([wanted.exact, wanted.minor]):
        if version:
            yield from _uv_finds(wanted, version)
    versions, *_ = wanted.folders()
    for folder in sorted(versions.glob(f"{wanted.minor}*"), reverse=True):
        for program in _PROGRAMS:
            if (folder / program).is_file():
                yield (str(folder / program),)
    for candidate in wanted.extra:
        yield _argv(candidate)
    if sys.executable:
        yield (sys.executable,)


def _by_name(wanted: _Wanted) -> Iterator[tuple[str, ...]]:
    """The exact version where its folder is named after it: asking uv would take 0.3 s more."""
    if wanted.exact is None:
        return
    versions, managed = wanted.folders()
    for folder in (versions / wanted.exact, *managed.glob(f"cpython-{wanted.exact}-*")):
        for program in _PROGRAMS:
            if (folder / program).is_file():
                yield (str(folder / program),)


def _uv_finds(wanted: _Wanted, version: str) -> Iterator[tuple[str, ...]]:
    # pyenv's shims of versions that are not selected fail when they are started, and uv gives up
    # at the first of them; so a failure here says nothing about what is installed.
    uv = Uv(environ=wanted.environ, folder=wanted.folder)
    where = ("--system", "--no-project", "--no-python-downloads")
    try:
        yield (uv.run("python", "find", *where, version).strip(),)
    except (CommandFailed, CannotBuild):
        return


def _install(wanted: _Wanted) -> Iterator[tuple[str, ...]]:
    uv = Uv(environ=wanted.environ, folder=wanted.folder)
    version = wanted.exact or wanted.minor
    try:
        uv.run("python", "install", "--no-bin", version)
    except (CommandFailed, CannotBuild):
        return
    yield from _uv_finds(wanted, version)


def _probe(argv: tuple[str, ...], environ: Mapping[str, str], store: Store) -> str | None:
    """The full version, or None for anything but a CPython that can be used."""
    key = Digest.of(json.dumps([argv, _stamps(argv)]).encode()).hex
    match store.record(_RECORD, key):
        case {"said": str(said)}:
            return _version(said.split())
    try:
        asked = (*argv, "-I", "-S", "-c", _PROBE)
        said = run(asked, cwd=store.root, environ=environ, timeout_seconds=_PROBE_SECONDS)
    except (CommandFailed, CannotBuild):
        # Not kept: a shim is the same file before and after its version is selected.
        return None
    store.put_record(_RECORD, key, {"said": said})
    return _version(said.split())


def _version(words: list[str]) -> str | None:
    match words:
        case ["cpython", major, minor, patch, "final", _, "False"]:
            return f"{major}.{minor}.{patch}"
        case ["cpython", major, minor, patch, "candidate", serial, "False"]:
            return f"{major}.{minor}.{patch}rc{serial}"
        case _:
            return None


def _rank(version: str) -> tuple[int, int, int]:
    patch, _, candidate = version.rpartition(".")[2].partition("rc")
    return int(patch), not candidate, int(candidate or 0)


def _argv(candidate: Candidate) -> tuple[str, ...]:
    return candidate if isinstance(candidate, tuple) else (str(candidate),)


def _stamps(argv: tuple[str, ...]) -> list[str]:
    return [_stamp(Path(word)) for word in argv]


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return f"{path}:absent"
    return f"{path}:{found.st_size}:{found.st_mtime_ns}"


def _remembered(record: dict[str, object] | None) -> Interpreter | None:
    match record:
        case {"version": str(version), "argv": [*words], "stamp": stamp}:
            argv = tuple(str(word) for word in words)
            known = Interpreter(version=version, argv=argv)
            return known if stamp == _stamps(argv) else None
        case _:
            return None
