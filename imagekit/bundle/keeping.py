"""Which bytecode goes into a ZIP: all of it, or near the limit what is worth most."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from imagekit.bundle.compiled import source_of
from imagekit.contents.reach import reached
from imagekit.model.tree import FileEntry
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.bytecode import Choice, Compiled, Kept, all_kept, keep


def chosen(
    plan: BuildPlan,
    parts: Iterable[tuple[LayerPlan, Sequence[FileEntry]]],
    room_bytes: int,
    sources: Iterable[FileEntry],
) -> Choice:
    """What fits of the bytecode of these layers. `sources` are all files that the handler may
    import, also those whose bytecode is not in question; they are read only where some must go."""
    files = [one for layer, bytecode in parts for one in _compiled(layer, bytecode)]
    if sum(file.size_bytes for file in files) <= room_bytes:
        return all_kept(files, plan.gains)
    texts = {entry.path: entry for entry in sources if entry.path.endswith(".py")}
    module = plan.handler.rpartition(".")[0].replace("/", ".")
    wanted = reached(texts, lambda path: _text(texts, path), module)
    return keep(files, room_bytes, reached=wanted, gains=plan.gains)


def kept_of(value: Mapping[str, Any]) -> Kept:
    """From the store, as `asdict` made it."""
    return Kept(**{**value, "cut": tuple(value["cut"])})


def _compiled(layer: LayerPlan, bytecode: Iterable[FileEntry]) -> Iterator[Compiled]:
    for entry in bytecode:
        yield Compiled(
            path=source_of(entry.path),
            size_bytes=entry.size_bytes,
            package="" if layer.kind == "source" else _package(entry.owner),
            part=layer.name,
        )


def _package(owner: str) -> str:
    """`numpy` of `numpy 2.5.5`, as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", owner.partition(" ")[0]).lower()


def _text(texts: Mapping[str, FileEntry], path: str) -> str:
    return bytes(texts[path].content.read()).decode("utf-8", "replace")
