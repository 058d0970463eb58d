"""The store in words."""

from __future__ import annotations

import json
from collections.abc import Iterator

from imagekit.model.cache import CacheUse, Pruned
from imagekit.model.sizes import size

SCHEMA = 1


def use_lines(use: CacheUse) -> Iterator[str]:
    """The folder, a row for each kind, and the sum against the limit."""
    yield str(use.folder)
    rows = [(kind.name, size(kind.size_bytes), _files(kind.files)) for kind in use.kinds]
    limit = f"of {size(use.limit_bytes)}" if use.limit_bytes is not None else "no limit"
    rows.append(("total", size(use.size_bytes), limit))
    for name, weight, note in rows:
        yield f"  {name:13} {weight:>8}  {note}"


def use_json(use: CacheUse) -> str:
    """The same as one JSON document."""
    found = {
        "schema": SCHEMA,
        "folder": str(use.folder),
        "size_bytes": use.size_bytes,
        "limit_bytes": use.limit_bytes,
        "kinds": [
            {"name": kind.name, "files": kind.files, "size_bytes": kind.size_bytes}
            for kind in use.kinds
        ],
    }
    return json.dumps(found, indent=2)


def pruned_line(pruned: Pruned) -> str:
    """What was removed, what is left, and why it is more than was asked for."""
    removed = f"removed {_files(pruned.files)} ({size(pruned.freed_bytes)})"
    line = f"{removed}; {size(pruned.left_bytes)} are left"
    if pruned.limit_bytes is None:
        return line
    over = pruned.left_bytes > pruned.limit_bytes
    if over and pruned.held:
        return f"{line}: another command is running and may need it"
    if over and pruned.bases_bytes:
        return f"{line}: bases that were composed here ({size(pruned.bases_bytes)}) go with --all"
    return line


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
