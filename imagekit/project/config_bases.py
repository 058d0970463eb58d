"""`[tool.imagekit.bases]`: published bases of other repositories, each under a short name.

    [tool.imagekit.bases]
    team = "registry.example/bases/team:2026.11.18"

Members of a workspace inherit the root's and may add their own: one lock pins each name once.
"""

from __future__ import annotations

import re

from imagekit.model.reference import Reference
from imagekit.project.config_table import Table

KEY = "bases"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read_bases(table: Table, known: dict[str, str]) -> None:
    """Add the bases of one configuration to `known`; problems go to the table's findings."""
    bases = table.table(KEY)
    if bases is None:
        return
    for name in bases.values:
        text = bases.text(name)
        if not _NAME.fullmatch(name) or name == "debian":
            hint = "give it a name of letters, digits, `.`, `_` and `-`, and not `debian`"
            bases.problem(name, "is no name for a base", hint)
        elif text is not None and _is_reference(bases, name, text):
            other = known.setdefault(name, text)
            if other != text:
                what = f"is {other} in another configuration of this workspace"
                bases.problem(name, what, f"rename `{name}` in one of the two")


def _is_reference(bases: Table, name: str, text: str) -> bool:
    hint = f'write `{name} = "REGISTRY/REPOSITORY:TAG"`'
    if not re.search(r"[/:@]", text):
        bases.problem(name, f"{text!r} names no registry", hint)
        return False
    try:
        Reference.parse(text)
    except ValueError as error:
        bases.problem(name, str(error), hint)
        return False
    return True
