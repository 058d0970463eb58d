"""What a tag names when it is first looked at: one GET in a run, whoever asks.

A push needs it, to know what the repository has; so does the layer cache, to know what it may
reuse (decision 4).
"""

from __future__ import annotations

import threading

from msgspec import Struct

from imagekit.model.errors import RegistryError
from imagekit.model.reference import Reference
from imagekit.registry.client import Registry
from imagekit.registry.platforms import FetchedManifest


class Look(Struct, frozen=True, kw_only=True):
    """What was there."""

    manifest: FetchedManifest | None = None
    repository_unknown: bool = False
    """ECR said that there is no such repository (lambda_rules E2)."""


class Looks:
    """Those of one run; safe to use from threads. Errors are raised, and not remembered."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: dict[Reference, Look] = {}
        self._asking: dict[Reference, threading.Lock] = {}
        self._lock = threading.Lock()

    def at(self, reference: Reference) -> Look:
        """What `reference` names, by its tag where it has one; nothing where it says neither."""
        if reference.tag is not None:
            reference = reference.tagged(reference.tag)
        elif reference.digest is None:
            return Look()
        with self._lock:
            alone = self._asking.setdefault(reference, threading.Lock())
        with alone:
            if reference not in self._seen:
                self._seen[reference] = self._look(reference)
            return self._seen[reference]

    def _look(self, reference: Reference) -> Look:
        try:
            return Look(manifest=self._registry.manifest(reference, write=True))
        except RegistryError as error:
            if error.status != 404:
                raise
            # Other registries make a repository by pushing to it.
            unknown = reference.ecr is not None and "NAME_UNKNOWN" in error.codes
            return Look(repository_unknown=unknown)
