"""How many bytes may be in memory at once, when layers are made in threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

DEFAULT_BYTES = 1 << 30
"""1 GiB of files under way; a layer takes up to twice its size while it is compressed."""


class Budget:
    """Lets threads in while their sizes fit together; one that never fits goes in alone."""

    def __init__(self, limit_bytes: int = DEFAULT_BYTES) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, size_bytes: int) -> Iterator[None]:
        """Wait until `size_bytes` fit beside what others hold, and give them back at the end."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._used == 0 or self._used + size_bytes <= self._limit
            )
            self._used += size_bytes
        try:
            yield
        finally:
            with self._changed:
                self._used -= size_bytes
                self._changed.notify_all()
