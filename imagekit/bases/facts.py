"""The facts about a base that plans need, read from its files and its config."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename, dirname

from msgspec import Struct

from imagekit.bases.view import View
from imagekit.model.base import SHARED_ROOT, BaseFacts
from imagekit.model.errors import CannotBuild
from imagekit.model.image import ImageConfig
from imagekit.model.target import PYTHONS

_BIN = ("/var/lang/bin", "/usr/local/bin", "/usr/bin")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_DIST_INFO = re.compile(r"(.*)/([^/]+)-([^/-]+)\.dist-info/METADATA")
_INTERPRETER = re.compile(r"python[\d.]*")


def facts_of(view: View, config: ImageConfig, unzipped_bytes: int, of: str) -> BaseFacts:
    """Python, glibc, runtime client and packages of the base called `of`.

    Errors: CannotBuild where there is no Python that imagekit builds for, or no glibc.
    """
    env = dict(config.env)
    interpreter = _interpreter(view, env.get("PATH", ""))
    if interpreter is None:
        raise CannotBuild(what=f"{of} has no Python 3", hint="use a base that has one on its PATH")
    python = _python_version(view, interpreter)
    if python is None:
        raise CannotBuild(what=f"{of} does not tell the version of its {interpreter}")
    minor = ".".join(python.split(".")[:2])
    if minor not in PYTHONS:
        raise CannotBuild(
            what=f"{of} has Python {python}; imagekit builds for {', '.join(PYTHONS)}"
        )
    folders = _search_path(interpreter, minor, env.get("PYTHONPATH", ""))
    packages = _packages(view, folders)
    return BaseFacts(
        python=python,
        glibc=_glibc(view, config.architecture, of),
        interpreter=interpreter,
        runtime_client=_starts_client(view, config, folders),
        unzipped_bytes=unzipped_bytes,
        packages=tuple((one.name, one.version) for one in packages.values()),
        package_bytes=tuple(
            (one.name, weight)
            for one in packages.values()
            if (weight := one.unzipped_bytes(view)) is not None
        ),
        shared=_shared(view),
    )


def _interpreter(view: View, path: str) -> str | None:
    folders = [folder for folder in path.split(":") if folder.startswith("/")]
    names = ("python3", *(f"python{minor}" for minor in reversed(PYTHONS)))
    for folder in (*folders, *_BIN):
        for name in names:
            if view.file(f"{folder}/{name}"):
                return view.real(f"{folder}/{name}")
    return None


def _python_version(view: View, interpreter: str) -> str | None:
    """As the interpreter or its libpython says it; `python3.13` must say 3.13."""
    minor = basename(interpreter).removeprefix("python")
    prefix = dirname(dirname(interpreter))
    libraries = sorted(
        (path for path, _ in view.files() if basename(path).startswith("libpython3")),
        key=lambda path: (not path.startswith(f"{prefix}/lib"), path),
    )
    for path in (interpreter, *libraries):
        node = view.file(path)
        for version in node.versions if node else ():
            if f"{version}.".startswith(f"{minor}."):
                return version
    return None


def _glibc(view: View, architecture: str, of: str) -> str:
    machine = _MACHINES.get(architecture, architecture)
    folders = ("/lib64", "/usr/lib64", f"/lib/{machine}-linux-gnu", f"/usr/lib/{machine}-linux-gnu")
    for folder in folders:
        node = view.file(f"{folder}/libc.so.6")
        if node and node.versions:
            return node.versions[-1]
    if any(basename(path).startswith("ld-musl-") for path, _ in view.files()):
        raise CannotBuild(
            what=f"{of} is built on musl; wheels for Lambda need glibc",
            hint="use a base made from Debian, Ubuntu or Amazon Linux instead of Alpine",
        )
    raise CannotBuild(what=f"{of} has no glibc for {architecture}")


def _search_path(interpreter: str, minor: str, python_path: str) -> tuple[str, ...]:
    """Where a function on this base finds packages, in the order of `sys.path` (rule R5)."""
    prefix = dirname(dirname(interpreter))
    installed = f"lib/python{minor}"
    folders = [folder for folder in python_path.split(":") if folder]
    folders += [f"{SHARED_ROOT}/{installed}/site-packages", SHARED_ROOT]
    folders += [f"{prefix}/{installed}/{kind}" for kind in ("site-packages", "dist-packages")]
    if prefix == "/usr":
        folders += [f"/usr/local/{installed}/dist-packages", "/usr/lib/python3/dist-packages"]
    return (*folders, "/var/runtime")


def _starts_client(view: View, config: ImageConfig, folders: tuple[str, ...]) -> bool:
    """Whether a runtime client is there and the entry point is more than Python by itself."""
    there = any(view.file(f"{folder}/awslambdaric/__init__.py") for folder in folders)
    there = there or view.file("/var/runtime/bootstrap") is not None
    entry = config.entrypoint
    bare = len(entry) == 1 and _INTERPRETER.fullmatch(basename(entry[0]))
    return there and bool(entry) and not bare


def _packages(view: View, folders: tuple[str, ...]) -> dict[str, _Installed]:
    """By name, sorted."""
    real = [view.real(folder) for folder in folders]
    found: dict[str, tuple[int, _Installed]] = {}
    for one in _installed(view):
        if one.folder not in real:
            continue
        place = real.index(one.folder)
        # The first folder on the path wins, as it does when Python imports.
        if one.name not in found or place < found[one.name][0]:
            found[one.name] = (place, one)
    return {name: one for name, (_, one) in sorted(found.items())}


class _Installed(Struct, frozen=True, kw_only=True):
    folder: str
    name: str
    version: str
    record: str
    """Where its RECORD would be."""

    def unzipped_bytes(self, view: View) -> int | None:
        """Of the files that its RECORD names; None where it has none, as Debian's packages."""
        record = view.file(self.record)
        if record is None or not record.paths:
            return None
        nodes = (view.file(f"{self.folder}/{path}") for path in record.paths)
        return sum(node.size_bytes for node in nodes if node)


def _shared(view: View) -> tuple[str, ...]:
    there = view.real(SHARED_ROOT)
    return tuple(sorted({one.name for one in _installed(view) if one.folder == there}))


def _installed(view: View) -> Iterator[_Installed]:
    for path, _ in view.files():
        if found := _DIST_INFO.fullmatch(path):
            yield _Installed(
                folder=found[1],
                name=re.sub(r"[-_.]+", "-", found[2]).lower(),
                version=found[3],
                record=f"{dirname(path)}/RECORD",
            )
