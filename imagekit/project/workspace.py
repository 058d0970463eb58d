"""A workspace: one root whose `members` are folders with configurations of their own.

Members inherit the root's keys, its `base_images/` and its one `imagekit.lock`. What counts as a
member is decided as uv does it: https://docs.astral.sh/uv/concepts/projects/workspaces/
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from imagekit.model.errors import ConfigError
from imagekit.project.config_table import Findings, Table
from imagekit.project.find_config import OWN_FILE, PYPROJECT, Found, find, in_folder, mentions

KEY = "workspace"
_KEYS = ("exclude", "members")
_WILD = frozenset("*?[")


class Around(Struct, frozen=True, kw_only=True):
    """The configuration that counts where a person stands."""

    root: Found
    """The workspace's root, or the only configuration there is."""
    here: Path | None = None
    """The folder of the member that the search began in; None outside of any."""


def around(start: Path) -> Around:
    """Look from `start` upwards for a configuration, and further up for a workspace that has it.

    A workspace that does not name the folder, or excludes it, is passed over. Raises what `find`
    raises.
    """
    found = Around(root=find(start))
    nearest = found.root.path.parent
    for folder in nearest.parents:
        above = in_folder(folder, start) if mentions(folder, KEY.encode()) else None
        if above is None or KEY not in above.values:
            continue
        # A root that is itself a member goes on to the workspace above it, which refuses it.
        if _has(above, found.root.path.parent):
            found = Around(root=above, here=found.here or nearest)
    return found


def read_members(table: Table, root: Path, start: Path) -> tuple[Found, ...]:
    """The configurations of the members that the root's table names, sorted by folder.

    A pattern takes the folders that hold a configuration, and must find one; a plain name must
    hold one. Every problem goes to the table's findings.
    """
    workspace = table.table(KEY)
    if workspace is None:
        return ()
    workspace.only(_KEYS)
    if "members" not in workspace.values:
        workspace.problem("members", "is missing", 'add `members = ["functions/*"]`')
    excluded = _folders(workspace, "exclude", root)
    read: dict[Path, Found | None] = {}
    for pattern, folders in _matches(workspace, "members", root):
        configured = False
        for folder in folders:
            if folder in excluded:
                configured = True
                continue
            if folder not in read:
                read[folder] = _read(folder, start, table.findings)
            configured = configured or read[folder] is not None
        if not configured:
            workspace.problem("members", _nothing(pattern, folders))
    order = sorted(read, key=lambda folder: folder.relative_to(root).as_posix())
    return tuple(found for folder in order if (found := read[folder]) is not None)


def _has(workspace: Found, folder: Path) -> bool:
    """Whether the folder is a member. Where the table itself is wrong nobody can say, so it is:
    then its reader tells what is wrong."""
    findings = Findings(workspace.file)
    table = Table(workspace.values, workspace.prefix, findings).table(KEY)
    if table is None:
        return True
    root = workspace.path.parent
    named = folder in _folders(table, "members", root)
    return bool(findings.problems) or (named and folder not in _folders(table, "exclude", root))


def _read(folder: Path, start: Path, findings: Findings) -> Found | None:
    try:
        return in_folder(folder, start)
    except ConfigError as error:
        findings.take(error)
        return None


def _folders(table: Table, key: str, root: Path) -> frozenset[Path]:
    return frozenset(folder for _, found in _matches(table, key, root) for folder in found)


def _matches(table: Table, key: str, root: Path) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """Every usable pattern of a list, and the folders below the root that it names."""
    for pattern in table.texts(key) or ():
        if what := _unusable(pattern):
            table.problem(key, f"{pattern!r} {what}")
            continue
        try:
            found = tuple(path for path in _named(pattern, root) if path.is_dir())
        except ValueError as error:
            table.problem(key, f"{pattern!r} is no pattern: {error}")
            continue
        yield pattern, found


def _named(pattern: str, root: Path) -> Iterator[Path]:
    if _WILD.isdisjoint(pattern):
        yield root / pattern
        return
    for path in root.glob(pattern.rstrip("/")):
        # `.venv` and `.git` are nobody's members, whatever `**` reaches.
        if path != root and not any(part.startswith(".") for part in path.relative_to(root).parts):
            yield path


def _unusable(pattern: str) -> str | None:
    # One spelling on every system: a drive letter or a backslash works on Windows alone.
    if "\\" in pattern:
        return "must be written with `/`"
    if pattern.startswith("/") or pattern[1:2] == ":":
        return "must be relative to the workspace's root"
    if ".." in pattern.split("/"):
        return "climbs out of the workspace"
    if pattern.strip("./") == "":
        return "is the root itself, whose functions belong to the workspace anyway"
    return None


def _nothing(pattern: str, folders: tuple[Path, ...]) -> str:
    if not folders:
        return f"there is no folder {pattern!r}"
    which = "it holds" if _WILD.isdisjoint(pattern) else "none of these folders holds"
    return f"{pattern!r}: {which} [tool.imagekit] in a {PYPROJECT}, or an {OWN_FILE}"
