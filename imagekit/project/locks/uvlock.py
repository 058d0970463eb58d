"""`uv.lock`: exported by uv itself, which alone knows its format and whether it is current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from imagekit.model.errors import CommandFailed, LockError
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.inputs import local_projects
from imagekit.project.locks.lockfile import LockFile, project_folder
from imagekit.project.locks.toml import read_toml, strings, table
from imagekit.project.uv import Uv

# `--locked` fails on a stale lock; `--frozen` would use it without a word. The project itself is
# source, so it is left out; members and path dependencies come as folders.
_EXPORT = ("export", "--locked", "--format", "pylock.toml", "--no-header", "--no-annotate")
_PARTS = ("--no-default-groups", "--no-emit-project")
_STALE = 1
"""uv's exit status where the question was fine and the answer is no; 2 is any other error."""


def export(lock: LockFile, function: FunctionConfig, uv: Uv) -> tuple[str, Path]:
    """The pylock text of the function's part, and the folder its relative paths start from.

    uv runs in the folder of the function's own project, so that a member of a workspace gets its
    own dependencies. Raises LockError for a lock that is stale or lacks what is asked for.
    """
    folder = project_folder(function, lock.path.parent)
    asked = _asked(function)
    key = ("export", folder, asked, uv.python)
    return lock.kept.of(key, lambda: _run(lock, function, folder, uv)), folder


def _asked(function: FunctionConfig) -> tuple[str, ...]:
    asked = [word for group in function.groups for word in ("--group", group)]
    asked += [word for extra in function.extras for word in ("--extra", extra)]
    if function.member:
        asked += ["--package", function.member]
    return tuple(asked)


def _run(lock: LockFile, function: FunctionConfig, folder: Path, uv: Uv) -> str:
    asked = _asked(function)
    try:
        return uv.run(*_EXPORT, *_PARTS, *asked, *uv.python_arguments(), cwd=folder)
    except CommandFailed as error:
        content = read_toml(lock.path)
        if folder not in local_projects(lock.path):
            raise _no_member(lock.path, folder) from error
        said = tuple(error.stderr_tail.splitlines())
        if error.status == _STALE:
            raise LockError(path=lock.path, problems=said, hint="uv lock") from error
        if problems := tuple(_diagnose(content, function, folder)):
            raise LockError(path=lock.path, problems=problems) from error
        raise uv.understood(error, folder) from None


def _no_member(lock: Path, folder: Path) -> LockError:
    return LockError(
        path=lock,
        problems=(f"the project in {folder} is not in it",),
        hint="name it in the members of [tool.uv.workspace], then uv lock",
    )


def _diagnose(lock: Mapping[str, object], function: FunctionConfig, folder: Path) -> Iterator[str]:
    """What is wrong with the question: read from the lock, as uv says it in words only."""
    packages = lock.get("package")
    known = {
        str(package.get("name")): package
        for package in (packages if isinstance(packages, list) else [])
        if isinstance(package, dict)
    }
    project = table(read_toml(folder / "pyproject.toml"), "project")
    name = function.member or project.get("name")
    if name not in known:
        if function.member:
            yield f"it has no member {name!r} (key `member` of {function.name})"
        return
    package: dict[str, object] = known[str(name)]
    groups = {*table(package, "dev-dependencies"), *table(package, "metadata", "requires-dev")}
    extras = {
        *table(package, "optional-dependencies"),
        *strings(table(package, "metadata").get("provides-extras")),
    }
    for kind, asked, there in (
        ("dependency group", function.groups, groups),
        ("extra", function.extras, extras),
    ):
        for one in asked:
            if one not in there:
                among = ", ".join(sorted(there)) or "none"
                yield f"{name} has no {kind} {one!r}; there is: {among}"
