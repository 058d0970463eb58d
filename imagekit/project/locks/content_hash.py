"""The hash by which poetry and pdm know that their lock no longer fits pyproject.toml.

Written as the tools themselves compute it: `Locker._get_content_hash` in
https://github.com/python-poetry/poetry/blob/main/src/poetry/packages/locker.py, and
`PyProject.content_hash` and `WorkspaceManager.content_hash` in
https://github.com/pdm-project/pdm/tree/main/src/pdm/project.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from imagekit.project.locks.pinned import normalised
from imagekit.project.locks.toml import table

_POETRY_LEGACY = ("dependencies", "source", "extras", "dev-dependencies")
_POETRY_PROJECT = ("requires-python", "dependencies", "optional-dependencies")
_POETRY_WROTE = re.compile(r"Poetry (\d+)\.(\d+)")


def poetry_fits(head: str, hashed: str, pyproject: Mapping[str, object]) -> bool:
    """Whether `hashed`, the lock's content-hash, is that of `pyproject`.

    `head`, the lock's first line, says which poetry wrote it: before 2.3 the groups of
    `[dependency-groups]` were left out.
    """
    if hashed == poetry_hash(pyproject):
        return True
    wrote = _POETRY_WROTE.search(head)
    old = wrote is not None and (int(wrote[1]), int(wrote[2])) < (2, 3)
    return old and hashed == poetry_hash(pyproject, groups=False)


def poetry_hash(pyproject: Mapping[str, object], *, groups: bool = True) -> str:
    """sha256 (hex) of what poetry takes to decide about packages."""
    declared, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    project = {key: declared[key] for key in _POETRY_PROJECT if declared.get(key) is not None}
    standard = table(pyproject, "dependency-groups") if groups else {}
    # The four old keys are written even where they are absent, unless [project] has their place.
    always = () if project or standard else _POETRY_LEGACY
    own = {
        key: poetry.get(key)
        for key in (*_POETRY_LEGACY, "group")
        if poetry.get(key) is not None or key in always
    }
    relevant: dict[str, object] = {}
    if project:
        relevant["project"] = project
    if standard:
        relevant["dependency-groups"] = standard
    relevant = relevant | {"tool": {"poetry": own}} if relevant else own
    return _hexdigest(relevant)


def pdm_hash(
    pyproject: Mapping[str, object], members: Mapping[str, Mapping[str, object]] | None = None
) -> str:
    """sha256 (hex) of what pdm takes to decide about packages.

    `members` are the pyproject.toml of a workspace's members by their folder, relative to the
    root; None where there is no workspace.
    """
    root = _pdm_hash(pyproject)
    if members is None:
        return root
    hasher = hashlib.sha256(root.encode())
    for folder, content in sorted(members.items()):
        hasher.update(b"\0" + folder.encode() + b"\0" + _pdm_hash(content).encode())
    return hasher.hexdigest()


def _pdm_hash(pyproject: Mapping[str, object]) -> str:
    project, pdm = table(pyproject, "project"), table(pyproject, "tool", "pdm")
    return _hexdigest(
        {
            "sources": pdm.get("source", []),
            "dependencies": project.get("dependencies", []),
            "dev-dependencies": pdm_groups(pyproject),
            "optional-dependencies": project.get("optional-dependencies", {}),
            "requires-python": project.get("requires-python", ""),
            "resolution": pdm.get("resolution", {}),
        }
    )


def pdm_groups(pyproject: Mapping[str, object]) -> dict[str, list[object]]:
    """Development groups by name: `[dependency-groups]`, and pdm's own older table."""
    groups: dict[str, list[object]] = {}
    for tables in (("dependency-groups",), ("tool", "pdm", "dev-dependencies")):
        for name, wanted in table(pyproject, *tables).items():
            more = wanted if isinstance(wanted, list) else []
            groups.setdefault(normalised(name), []).extend(more)
    return groups


def _hexdigest(value: object) -> str:
    # A date in [tool.pdm.resolution] is not JSON, for pdm neither: it then has no hash to compare.
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
