"""A wheel as the tree that `uv pip install --target` would leave behind, without installing it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from imagekit.contents.wheel import LocalFile, RandomAccess
from imagekit.model.package import Package
from imagekit.model.slim import WHOLE
from imagekit.model.tree import Tree


def wheel_tree(package: Package, path: Path) -> Tree:
    """The files of the wheel at `path` under one root, read only when their content is asked for.

    purelib, platlib and data at the root; scripts and entry points in `bin/` with
    `#!/usr/bin/env python3`; headers in `include/NAME/`. RECORD is written anew, sorted, for
    what is there. No INSTALLER, REQUESTED or direct_url.json, and nothing of a `__pycache__`
    that came along: that bytecode is stale, or another Python's. Without what `package.slim`
    leaves out.

    Raises BadWheel, and PathCollisions where the wheel fills one path twice.
    """
    found = path.stat()
    whole = package if package.slim is WHOLE else replace(package, slim=WHOLE)
    tree = _remembered(whole, path, (found.st_size, found.st_mtime_ns))
    if not package.slim.key:
        return tree
    from imagekit.contents.slim.trim import trimmed

    return trimmed(tree, package)


@lru_cache(maxsize=512)
def _remembered(package: Package, path: Path, stamp: tuple[int, int]) -> Tree:
    # Measuring and building both ask, and reading the directory of a large wheel takes 50 ms.
    return tree_of(package, LocalFile(path))


def tree_of(package: Package, source: RandomAccess) -> Tree:
    """The same, but whole, from anything that can be read at any place: a file, or HTTP ranges.

    Reads the directory, WHEEL, RECORD, entry_points.txt and the start of each script.
    """
    # Reading entry points and metadata costs 15 ms of imports: for those with a new wheel only.
    from imagekit.contents.layout import lay_out

    return lay_out(package, source)
