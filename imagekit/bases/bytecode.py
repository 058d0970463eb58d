"""The standard library of a composed base, compiled anew by the base's own Python (decision 3).

Debian compiles when a package is set up, into the kind that a changed mtime makes useless.
"""

from __future__ import annotations

import re
import tarfile
from pathlib import Path
from posixpath import basename, dirname

from msgspec.structs import replace

from imagekit.bases.rewrite import RootTree
from imagekit.model.base import Base
from imagekit.model.errors import CannotBuild, CommandFailed
from imagekit.model.tree import Tree
from imagekit.project.interpreter import Interpreter
from imagekit.store import Store

_PYTHON = re.compile(r"usr/bin/python3\.\d+")
_LOADER = re.compile(r"usr/lib/[^/]+-linux-gnu/ld-linux[^/]*\.so\.\d+")
_NEEDED = re.compile(
    r"usr/bin/python3\.\d+"
    r"|usr/lib/python3\.\d+/.+"
    r"|usr/lib/[^/]+-linux-gnu/[^/]+\.so(?:\.[^/]*)?"
)
_HOME = "interpreters"


def own_interpreter(base: Base, store: Store) -> Interpreter | None:
    """The base's own Python, unpacked once into a folder of the store; None if it has none here.

    For bases whose layers lie in the store, with Debian's layout: Python then runs through the
    base's own loader and C library, so only on Linux of its architecture.
    """
    folder = store.root / _HOME / base.digest.hex
    if not folder.is_dir() and not _unpacked(base, store, folder):
        return None
    return Interpreter(version=base.facts.python, argv=argv_in(folder))


def kept_interpreters(store: Store) -> tuple[tuple[str, ...], ...]:
    """How to start every Python that was unpacked from a composed base on this machine."""
    found: list[tuple[str, ...]] = []
    for folder in sorted((store.root / _HOME).glob("*")):
        try:
            found.append(argv_in(folder))
        except CannotBuild:
            continue
    return tuple(found)


def _unpacked(base: Base, store: Store, folder: Path) -> bool:
    """Whether the Python that was unpacked starts, and is the one that the facts tell of."""
    with store.folder() as scratch:
        tree = scratch / "root"
        for layer in base.layers:
            unpack(store.blob_path(layer.digest), tree)
        try:
            if _version(argv_in(tree), scratch) != base.facts.python:
                return False
        except (CannotBuild, CommandFailed):
            return False
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            tree.rename(folder)
        except OSError:
            # Another build was faster; a name in the store means that the bytes are whole.
            if not folder.is_dir():
                raise
    return True


def recompiled(root: RootTree, archive: Path, store: Store) -> RootTree:
    """The same root file system, with bytecode for each module that Debian had compiled."""
    from imagekit.contents.bytecode import compile_tree

    with store.folder() as scratch:
        unpack(archive, scratch / "root")
        argv = argv_in(scratch / "root")
        version = _version(argv, scratch)
        sources = Tree(tuple(entry for entry in root.files if entry.path in root.compiled))
        compiled = compile_tree(
            sources, root="/", interpreter=Interpreter(version=version, argv=argv)
        )
    return replace(root, files=Tree.of((*root.files, *compiled)))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack what Python needs to start: itself, its library, the C library and the loader."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                path = member.name.removeprefix("./")
                if _NEEDED.fullmatch(path) and ".." not in path.split("/"):
                    _write(tar, member, folder / path)
    except tarfile.TarError as error:
        raise CannotBuild(what=f"{archive} cannot be read", causes=(str(error),)) from error


def argv_in(folder: Path) -> tuple[str, ...]:
    """How to start the Python that was unpacked into `folder`; CannotBuild where there is none."""
    programs = _matching(folder, "usr/bin/*", _PYTHON)
    loaders = _matching(folder, "usr/lib/*-linux-gnu/ld-linux*", _LOADER)
    if not (programs and loaders):
        raise CannotBuild(
            what="the composed base has no Python in /usr/bin",
            hint='name one in the packages of its base.toml, such as "python3.13"',
        )
    return (str(loaders[0]), "--library-path", dirname(str(loaders[0])), str(programs[-1]))


def _matching(folder: Path, pattern: str, wanted: re.Pattern[str]) -> list[Path]:
    return sorted(
        path
        for path in folder.glob(pattern)
        if wanted.fullmatch(path.relative_to(folder).as_posix())
    )


def _version(argv: tuple[str, ...], folder: Path) -> str:
    from imagekit.project.command import run

    probe = "import platform; print(platform.python_version())"
    return run((*argv, "-I", "-S", "-c", probe), cwd=folder, environ={}).strip()


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # an upper layer wins
    if member.issym() and "/" not in member.linkname:
        target.symlink_to(basename(member.linkname))
    elif member.isreg() and (data := tar.extractfile(member)):
        target.write_bytes(data.read())
        target.chmod(0o755 if member.mode & 0o100 else 0o644)
