"""Blobs that leave before their image is whole: what is sent while other layers are still made.

A blob that no manifest names is nothing to anybody, and registries tidy it away (lambda_rules E12),
so a build that fails later has published nothing. jib's layers leave in the same way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from imagekit.model.digest import Digest
from imagekit.model.reference import Reference
from imagekit.registry.client import Registry
from imagekit.registry.looks import Looks
from imagekit.registry.manifests import known_blobs
from imagekit.registry.metered import Meter
from imagekit.registry.platforms import FetchedManifest
from imagekit.registry.transfer import Outcome, Transfer, Upload

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

# The machine is busy compressing meanwhile.
_THREADS = 2


def _as_it_is(upload: Upload) -> Upload:
    return upload


class EarlyBlobs:
    """Sends blobs in the background to one repository; `push` takes over what it did.

    Safe to use from threads.
    """

    def __init__(
        self, registry: Registry, reference: Reference, looks: Looks | None = None
    ) -> None:
        self.reference = reference
        self._registry = registry
        self._looks = looks or Looks(registry)
        self._pool: ThreadPoolExecutor | None = None
        self._sent: dict[Digest, Future[Outcome]] = {}
        self._lock = threading.Lock()

    def send(self, upload: Upload, ready: Callable[[Upload], Upload] = _as_it_is) -> None:
        """Start sending; errors come out of `outcomes`.

        `ready` is asked in the background, before the repository is: the upload as it is to be.
        """
        from concurrent.futures import ThreadPoolExecutor

        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_THREADS)
            if upload.descriptor.digest not in self._sent:
                self._sent[upload.descriptor.digest] = self._pool.submit(self._send, upload, ready)

    @property
    def busy(self) -> bool:
        """Whether a blob that comes now would have to wait for others."""
        with self._lock:
            return sum(not one.done() for one in self._sent.values()) >= _THREADS

    def current(self) -> FetchedManifest | None:
        """What the tag of the repository names now: asked for once, for `push`, too."""
        return self._looks.at(self.reference).manifest

    @property
    def repository_unknown(self) -> bool:
        """Whether ECR says that there is no such repository (lambda_rules E2)."""
        return self._looks.at(self.reference).repository_unknown

    def outcomes(self) -> dict[Digest, Outcome]:
        """Wait for all of them; raises the first error, as `push` would."""
        try:
            return {digest: future.result() for digest, future in self._sent.items()}
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, upload: Upload, ready: Callable[[Upload], Upload]) -> Outcome:
        current = self.current()
        known = known_blobs(current.data) if current else frozenset()
        if upload.descriptor.digest in known:
            return "skipped"
        transfer = Transfer(
            registry=self._registry,
            reference=self.reference,
            meter=Meter.silent(),
            likely_new=bool(known),
        )
        return transfer.run([ready(upload)])[upload.descriptor.digest]
