"""What a resolution depends on, as digests. Hot: no program is run, no lock is parsed as TOML."""

from __future__ import annotations

import json
import os.path
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from imagekit.model.digest import Digest
from imagekit.model.errors import LockError
from imagekit.model.target import Target
from imagekit.net.userinfo import bytes_without_userinfo
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.lockfile import LockFile, project_folder
from imagekit.project.locks.toml import read_toml, strings, table

# uv.lock names the folders of members and path dependencies; a lock may have megabytes, so it is
# not parsed for this. https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
_LOCAL = re.compile(rb'source = \{ (?:editable|virtual|directory) = "([^"]*)"')
_DECIDING = ("name", "requires-python", "dependencies", "optional-dependencies", "dynamic")
_METADATA = ("pyproject.toml", "setup.py", "setup.cfg")


def inputs_of(lock: LockFile, function: FunctionConfig, target: Target) -> Digest:
    """The same on every machine: what the user wrote that decides which packages come out.

    The glibc floor is not in it, as it decides between the files of a version, not between
    versions. Raises LockError where a file cannot be read.
    """
    selection = [sorted(function.groups), sorted(function.extras), function.member]
    own = os.path.relpath(project_folder(function, lock.path.parent), lock.path.parent)
    asked = [lock.kind, Path(own).as_posix(), selection, target.python, target.architecture]
    texts = lock.kept.of("texts", lambda: tuple(_hex(text) for text in _texts(lock)))
    return Digest.of(b"".join([_hex(json.dumps(asked).encode()), *texts]))


def freshness_of(lock: LockFile) -> Digest:
    """Changes whenever the lock's own tool might find it out of date: projects' metadata, and for
    uv its settings."""
    return lock.kept.of("freshness", lambda: _freshness_of(lock))


def _freshness_of(lock: LockFile) -> Digest:
    if lock.kind in ("poetry", "pdm"):
        return _digest(map(_file, _declaring(lock)))
    if lock.kind != "uv":
        return _digest([])
    root = lock.path.parent
    folders = {root, *local_projects(lock.path), *_members(root)}
    files = [folder / name for folder in sorted(folders) for name in _METADATA]
    return _digest([_file(file) for file in (*files, root / "uv.toml")])


def _declaring(lock: LockFile) -> Iterator[Path]:
    """Each pyproject.toml that poetry.lock or pdm.lock has to fit."""
    pyproject = lock.path.parent / "pyproject.toml"
    yield pyproject
    if lock.kind == "pdm" and b"workspace" in _read(pyproject):
        from imagekit.project.locks.foreign import workspace_members

        for folder in workspace_members(lock.path.parent, read_toml(pyproject)):
            yield folder / "pyproject.toml"


def _texts(lock: LockFile) -> Iterator[bytes]:
    match lock.kind:
        case "uv" | "pylock" | "poetry" | "pdm":
            yield _same_ends(_read(lock.path))
        case "requirements":
            from imagekit.project.locks.requirements import read_requirements

            requirements = read_requirements(lock.path)
            yield from map(_same_ends, requirements.texts)
            yield from (_metadata(folder) for folder in requirements.folders)
        case "project":
            yield _metadata(lock.path.parent)
            yield from (_metadata(folder) for folder in sources(lock.path))
        case "none":
            return


def _same_ends(text: bytes) -> bytes:
    """Git may check a text out with other line ends on another machine."""
    return text.replace(b"\r\n", b"\n")


def _metadata(folder: Path) -> bytes:
    """What decides about dependencies, and no other key: a changed comment changes nothing."""
    path = folder / "pyproject.toml"
    content = read_toml(path) if path.is_file() else {}
    project = table(content, "project")
    deciding = [
        {key: project.get(key) for key in _DECIDING},
        table(content, "dependency-groups"),
        table(content, "tool", "uv"),
    ]
    written = json.dumps(deciding, sort_keys=True, default=str).encode()
    return _digest([written, *(_file(folder / name) for name in _METADATA[1:])]).hex.encode()


def sources(pyproject: Path) -> Iterator[Path]:
    """Folders of the path dependencies in `[tool.uv.sources]`."""
    for source in table(read_toml(pyproject), "tool", "uv", "sources").values():
        path = source.get("path") if isinstance(source, dict) else None
        if isinstance(path, str) and (pyproject.parent / path).is_dir():
            yield pyproject.parent / path


def local_projects(lock: Path) -> Iterator[Path]:
    """Folders of the projects that a `uv.lock` names: the root, members, path dependencies."""
    for path in _LOCAL.findall(_read(lock)):
        yield (lock.parent / path.decode()).resolve()


def _members(root: Path) -> Iterator[Path]:
    """Members that the workspace has now, whether the lock knows them already or not."""
    pyproject = root / "pyproject.toml"
    if not pyproject.is_file():
        return
    for pattern in strings(table(read_toml(pyproject), "tool", "uv", "workspace").get("members")):
        for folder in root.glob(pattern.rstrip("/")):
            if (folder / "pyproject.toml").is_file():
                yield folder.resolve()


def _file(path: Path) -> bytes:
    try:
        return path.name.encode() + b"\0" + path.read_bytes()
    except OSError:
        return path.name.encode() + b" is absent"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LockError(path=path, problems=(f"it cannot be read: {error.strerror}",)) from error


def _digest(parts: Iterable[bytes]) -> Digest:
    return Digest.of(b"".join(map(_hex, parts)))


def _hex(part: bytes) -> bytes:
    # A password in a URL decides nothing about packages, and changes often.
    return Digest.of(bytes_without_userinfo(part)).hex.encode()
