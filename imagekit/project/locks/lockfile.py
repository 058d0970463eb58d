"""Which lock a function has: named in the configuration, or found by looking upwards."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar, cast

from imagekit.model.errors import LockError
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.toml import read_toml, table

Kind = Literal["uv", "pylock", "poetry", "pdm", "requirements", "project", "none"]

_FOREIGN = {
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
    "Pipfile": "pipenv lock && pipenv requirements --hash > requirements.txt",
}
_ONE_EACH = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "requirements.txt")
_TOOLS: tuple[Literal["poetry", "pdm"], ...] = ("poetry", "pdm")


Value = TypeVar("Value")


class Kept:
    """What was read of a lock in this run: many functions of one lock cost one reading."""

    def __init__(self) -> None:
        self.values: dict[Hashable, object] = {}

    def of(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, made when it is first asked for."""
        if key not in self.values:
            self.values[key] = make()
        return cast("Value", self.values[key])


@dataclass(frozen=True, slots=True)
class LockFile:
    """A lock and what kind it is; `project` is `[project.dependencies]` of a pyproject.toml.

    `none` means that the function has no dependencies: its path is the function's folder.
    """

    kind: Kind
    path: Path
    kept: Kept = field(default_factory=Kept, compare=False, repr=False)

    @property
    def pinned_by_imagekit(self) -> bool:
        """Whether what uv resolves has to be kept in `imagekit.lock`: the file itself pins too
        little to give the same packages tomorrow, or names no URLs."""
        return self.kind in ("requirements", "project", "poetry", "pdm")


def find(function: FunctionConfig, project_root: Path) -> LockFile:
    """The lock of `function`: its `lock` key, else the nearest one from its folder upwards.

    The search ends at the workspace's or repository's root. Raises LockError for a lock that
    imagekit cannot read, and where dependencies without a lock have a lock above them: resolving
    afresh would silently ship other versions than that lock says.
    """
    if function.lock is not None:
        return _named(function.root / function.lock)
    top = _top(project_root)
    for folder in _upwards(function.root, top):
        if lock := _in_folder(folder, function.name):
            return lock
        _refuse_foreign(folder)
    return _bare(function, top)


def passed_over(lock: LockFile, function: FunctionConfig) -> tuple[str, ...]:
    """Names of other tools' locks beside the one that `find` chose, where nobody named it."""
    own = (function.lock is not None, lock.path.name == f"pylock.{function.name}.toml")
    if any(own) or lock.kind == "none":
        return ()
    beside = (lock.path.with_name(name) for name in _ONE_EACH)
    return tuple(path.name for path in beside if path != lock.path and path.is_file())


def project_folder(function: FunctionConfig, top: Path) -> Path:
    """The folder of the function's own project: the nearest one with a `[project]` table.

    Looked for from the function's folder upwards to `top`, which is the answer if there is none.
    """
    if not function.root.resolve().is_relative_to(top):
        return top
    for folder in _upwards(function.root, top):
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file() and "project" in read_toml(pyproject):
            return folder
    return top


def _named(path: Path) -> LockFile:
    path = path.resolve()
    if not path.is_file():
        raise LockError(path=path, problems=("there is no such file",), hint="see the key `lock`")
    if path.name in _FOREIGN:
        raise _foreign(path)
    kind = _kind(path.name)
    if kind is None:
        raise LockError(
            path=path,
            problems=("the name says none of the kinds of lock that imagekit reads",),
            hint="uv.lock, pylock.toml, pylock.NAME.toml, poetry.lock, pdm.lock, requirements.txt "
            "or pyproject.toml",
        )
    return LockFile(kind, path)


def _kind(name: str) -> Kind | None:
    if name == "uv.lock":
        return "uv"
    if name == "pyproject.toml":
        return "project"
    if name == "pylock.toml" or (name.startswith("pylock.") and name.endswith(".toml")):
        return "pylock"
    for tool in _TOOLS:
        # pdm keeps several locks side by side: `pdm lock --lockfile pdm.prod.lock`.
        if name == f"{tool}.lock" or (name.startswith(f"{tool}.") and name.endswith(".lock")):
            return tool
    return "requirements" if name.endswith((".txt", ".in")) else None


def _in_folder(folder: Path, function: str) -> LockFile | None:
    if (folder / "uv.lock").is_file():
        return LockFile("uv", folder / "uv.lock")
    for name in (f"pylock.{function}.toml", "pylock.toml"):
        if (folder / name).is_file():
            return LockFile("pylock", folder / name)
    match sorted(folder.glob("pylock.*.toml")):
        case [only]:
            return LockFile("pylock", only)
        case [first, *_]:
            raise LockError(
                path=first,
                problems=(f"{folder} has several pylock.*.toml",),
                hint=f'name one: `lock = "{first.name}"`, or call it pylock.{function}.toml',
            )
    # Before requirements.txt, which beside such a lock is an export of it, or something else.
    if lock := _of_tool(folder):
        return lock
    if (folder / "requirements.txt").is_file():
        return LockFile("requirements", folder / "requirements.txt")
    return None


def _of_tool(folder: Path) -> LockFile | None:
    match [LockFile(tool, folder / f"{tool}.lock") for tool in _TOOLS]:
        case [poetry, pdm] if poetry.path.is_file() and pdm.path.is_file():
            raise LockError(
                path=poetry.path,
                problems=("there is a pdm.lock beside it",),
                hint='name one: `lock = "poetry.lock"` or `lock = "pdm.lock"`',
            )
        case found:
            return next((lock for lock in found if lock.path.is_file()), None)


def _refuse_foreign(folder: Path) -> None:
    for name in _FOREIGN:
        if (folder / name).is_file():
            raise _foreign(folder / name)


def _foreign(path: Path) -> LockError:
    return LockError(
        path=path,
        problems=("imagekit does not read this kind of lock yet",),
        hint=f"{_FOREIGN[path.name]} (or uv lock), and imagekit takes what that writes",
    )


def _bare(function: FunctionConfig, top: Path) -> LockFile:
    project = project_folder(function, top) / "pyproject.toml"
    content = read_toml(project) if project.is_file() else {}
    if "dependencies" in table(content, "tool", "poetry"):
        raise LockError(
            path=project,
            problems=("the dependencies of [tool.poetry] have no lock beside them",),
            hint="poetry lock",
        )
    declared = table(content, "project")
    dynamic = declared.get("dynamic")
    wanted = declared.get("dependencies") or function.groups or function.extras
    if not wanted and not (isinstance(dynamic, list) and "dependencies" in dynamic):
        return LockFile("none", function.root)
    _refuse_lock_above(project, top)
    return LockFile("project", project)


def _refuse_lock_above(project: Path, top: Path) -> None:
    for folder in top.parents:
        for name in ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", *_FOREIGN):
            if (folder / name).is_file():
                raise LockError(
                    path=folder / name,
                    problems=(
                        f"it lies above {project}, whose dependencies have no lock of their own",
                    ),
                    hint=f'`lock = "{folder / name}"` to use it, `lock = "pyproject.toml"` not to',
                )


def _top(project_root: Path) -> Path:
    """The outermost of the project, its uv workspace and its repository."""
    top = project_root.resolve()
    for folder in (top, *top.parents):
        if (folder / ".git").exists():
            return folder
        if _is_workspace(folder / "pyproject.toml"):
            top = folder
    return top


def _is_workspace(pyproject: Path) -> bool:
    try:
        return b"tool.uv.workspace" in pyproject.read_bytes()
    except OSError:
        return False


def _upwards(start: Path, top: Path) -> Iterator[Path]:
    folder = start.resolve()
    yield folder
    while folder != top and folder.is_relative_to(top):
        folder = folder.parent
        yield folder
