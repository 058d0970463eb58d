"""poetry.lock and pdm.lock from the disk: read with the pyproject.toml that they have to fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from imagekit.model.errors import LockError
from imagekit.model.target import Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks.lockfile import LockFile, project_folder
from imagekit.project.locks.pinned import Pins
from imagekit.project.locks.toml import parse_toml, read_toml, strings, table


def read_pins(lock: LockFile, function: FunctionConfig, target: Target) -> Pins:
    """What the lock, of kind `poetry` or `pdm`, gives `function` on `target`.

    Raises LockError for a lock that its own tool would refuse, and for what it has not.
    """
    from imagekit.project.locks.pdm import PdmLock, pdm_pins
    from imagekit.project.locks.poetry import PoetryLock, poetry_pins

    if function.member:
        what = f"it has no members, and {function.name} asks for {function.member}"
        raise LockError(path=lock.path, problems=(what,), hint="remove the key `member`")
    pyproject = lock.path.parent / "pyproject.toml"
    content = lock.kept.of("pyproject", lambda: read_toml(pyproject))
    head, locked = lock.kept.of("parsed", lambda: _parsed(lock.path))
    if lock.kind == "poetry":
        poetry = PoetryLock(path=lock.path, head=head, content=locked, pyproject=content)
        pins = poetry_pins(poetry, function, target)
    else:
        members = _members(lock.path.parent, content)
        pdm = PdmLock(path=lock.path, content=locked, pyproject=content, members=members)
        pins = pdm_pins(pdm, function, target)
    _refuse_others_lock(lock, function, pins)
    return pins


def workspace_members(root: Path, pyproject: Mapping[str, object]) -> Iterator[Path]:
    """Folders of the members of a pdm workspace.

    https://pdm-project.org/latest/usage/workspace/
    """
    seen = set()
    for pattern in strings(table(pyproject, "tool", "pdm", "workspace").get("members")):
        for folder in sorted(root.glob(pattern.rstrip("/"))):
            if (folder / "pyproject.toml").is_file() and folder.resolve() not in seen:
                seen.add(folder.resolve())
                yield folder.resolve()


def _members(root: Path, pyproject: Mapping[str, object]) -> dict[str, Mapping[str, object]] | None:
    if not table(pyproject, "tool", "pdm", "workspace"):
        return None
    return {
        folder.relative_to(root.resolve()).as_posix(): read_toml(folder / "pyproject.toml")
        for folder in workspace_members(root, pyproject)
    }


def _refuse_others_lock(lock: LockFile, function: FunctionConfig, pins: Pins) -> None:
    """A lock found further up is that of another project, unless it has this one as a folder."""
    folder = lock.path.parent
    own = project_folder(function, folder)
    if function.lock is not None or own.resolve() == folder.resolve():
        return
    if not table(read_toml(own / "pyproject.toml"), "project").get("dependencies"):
        return
    for package in pins.direct:
        place = table(package, "directory").get("path")
        if place and (folder / str(place)).resolve() == own.resolve():
            return
    raise LockError(
        path=lock.path,
        problems=(f"the dependencies of the project in {own} are not in it",),
        hint=f"{lock.kind} lock in {own}; or `lock = …` where this one is meant all the same",
    )


def _parsed(path: Path) -> tuple[str, dict[str, object]]:
    """The first line, a comment, and the content."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(path=path, problems=(f"it cannot be read: {error}",)) from error
    return text.partition("\n")[0], parse_toml(text, path)
