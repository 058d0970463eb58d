"""What imagekit itself adds to a ZIP, as far as it is known before one is made."""

from __future__ import annotations

from collections.abc import Iterable

from imagekit.bundle.rest import LOADER_FILES, PART_BYTES, loader_source
from imagekit.model.packaging import Unpacks
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.door import door_of, door_source

_COMPILED = {"3.11": 196, "3.12": 173}
_COMPILED_ELSE = 176
"""The loader's bytecode in percent of its sources, compiled by 3.11.7, 3.12.1 and 3.13.0."""

_DESCRIBED = 300
_PART = len('[268435456,4194304,""],') + 64
_QUOTED = len('"",')
"""Characters of the description: without its lists, of one part, and around a path."""


def loader_bytes(plan: BuildPlan, unpacks: Unpacks, executable: Iterable[str]) -> int:
    """About what the loader and all that it reads weigh, without the archive; `executable` are
    the programs in that, by path."""
    names = LOADER_FILES if unpacks.bucket else LOADER_FILES[:-1]
    sources = sum(len(loader_source(name)) for name in names)
    percent = _COMPILED.get(plan.target.python, _COMPILED_ELSE) if plan.bytecode else 0
    own = {entry.path for layer in plan.layers for entry in layer.files or ()}
    door = door_of(own, plan.handler)
    described = _DESCRIBED + _PART * (unpacks.packed_bytes // PART_BYTES + 1)
    described += sum(len(path) + _QUOTED for path in executable)
    return sources + sources * percent // 100 + described + len(door_source(door or ""))
