"""Which blobs this process has seen in which repository, so that one is never sent twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from imagekit.model.digest import Digest
from imagekit.model.reference import Reference

_Key = tuple[str, Digest]


class Presence:
    """Remembered for the life of the process only: registries tidy up (lambda_rules E12)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: dict[_Key, threading.Lock] = {}
        self._known: set[_Key] = set()

    def knows(self, reference: Reference, digest: Digest) -> bool:
        """Whether the blob was seen in the repository."""
        with self._lock:
            return (reference.name, digest) in self._known

    def add(self, reference: Reference, digest: Digest) -> None:
        """The blob is there."""
        with self._lock:
            self._known.add((reference.name, digest))

    def forget(self, reference: Reference) -> None:
        """What was seen in the repository is no longer believed."""
        with self._lock:
            self._known = {key for key in self._known if key[0] != reference.name}

    @contextmanager
    def alone(self, reference: Reference, digest: Digest) -> Iterator[None]:
        """Only one thread at a time sends this blob to this repository."""
        with self._lock:
            lock = self._busy.setdefault((reference.name, digest), threading.Lock())
        with lock:
            yield
