"""Leaving files out: of a tree, and of what is known of a wheel without its content."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from imagekit.contents.slim.rules import deciding
from imagekit.model.package import Package
from imagekit.model.slim import Dropped
from imagekit.model.tree import Bytes, FileEntry, Tree

_RECORD: Final = re.compile(r"[^/]+\.dist-info/RECORD")
# sha256 in base64 without padding, as every row of ours has it.
_DIGEST: Final = "sha256=" + "0" * 43


def trimmed(tree: Tree, package: Package) -> Tree:
    """`tree`, the whole of a package, without what its `slim` leaves out; RECORD says the same."""
    if not package.slim.key:
        return tree
    why = deciding(package.name, package.slim)
    kept = [entry for entry in tree if why(entry.path) is None]
    if len(kept) == len(tree.entries):
        return tree
    there = {entry.path for entry in kept}

    def row(said: list[str]) -> list[str] | None:
        return said if said[0] in there else None

    return Tree(tuple(recorded(entry, row) for entry in kept))


def dropped_of(files: Iterable[tuple[str, int]], package: Package) -> tuple[Dropped, ...]:
    """Which of `files`, given as path and size, are left out, and why."""
    if not package.slim.key:
        return ()
    why = deciding(package.name, package.slim)
    return tuple(
        Dropped(path, size_bytes, reason)
        for path, size_bytes in files
        if (reason := why(path)) is not None
    )


def is_record(path: str) -> bool:
    """Whether it is the list of a package's files."""
    return _RECORD.fullmatch(path) is not None


def record_bytes(dropped: Iterable[Dropped]) -> int:
    """As many bytes RECORD is shorter without the rows of these files."""
    return len(_csv([one.path, _DIGEST, one.size_bytes] for one in dropped))


def recorded(entry: FileEntry, row: Callable[[list[str]], list[str] | None]) -> FileEntry:
    """`entry`; RECORD with its rows as `row` says them, without those that it gives None for."""
    if not is_record(entry.path):
        return entry
    said = csv.reader(io.StringIO(bytes(entry.content.read()).decode(), newline=""))
    data = _csv(new for one in said if (new := row(one)))
    return replace(entry, content=Bytes(data), size_bytes=len(data))


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines.getvalue().encode()
