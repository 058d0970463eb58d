"""Source and packages must not fill one path differently: the upper layer would win, unseen.

Wheels among themselves are compared when they are measured; here the source is held against them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from imagekit.contents.facts import wheel_facts
from imagekit.contents.tops import tops_of
from imagekit.model.errors import Collision, PathCollisions
from imagekit.model.package import Package
from imagekit.model.tree import FileEntry, Tree
from imagekit.store import Store


def require_apart(source: Tree, packages: Sequence[Package], store: Store) -> None:
    """PathCollisions naming every path that both fill with other bytes; measured packages only."""
    mine = {entry.path.partition("/")[0] for entry in source}
    if mine.isdisjoint(tops_of(packages, store)):
        return
    files = {entry.path: entry for entry in source}
    found = tuple(clash for package in packages for clash in _clashes(files, package, store))
    if found:
        raise PathCollisions(
            collisions=found, hint="rename your file or folder, or leave it out with `exclude`"
        )


def _clashes(files: dict[str, FileEntry], package: Package, store: Store) -> Iterator[Collision]:
    facts = wheel_facts(package, store)
    for theirs in facts.files if facts else ():
        mine = files.get(theirs.path)
        if mine is None:
            continue
        same = mine.size_bytes == theirs.size_bytes and mine.executable == theirs.executable
        if not (same and zlib.crc32(mine.content.read()) == theirs.crc32):
            yield Collision(theirs.path, (package.label, "source"))
