"""The image that was pushed before: the cache of a runner with an empty disk (decision 4).

Two small GETs, and only where the store lacks something. What its documents say of its layers is
believed, so reuse trusts whoever may push to that repository; `--no-reuse` turns it off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imagekit.check.own import RULES_VERSION
from imagekit.contents.carried import is_measured, take_over
from imagekit.model.digest import Digest
from imagekit.model.errors import BuildError, RemoteError
from imagekit.model.image import LayerRecord
from imagekit.model.package import Package
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.model.tree import Tree
from imagekit.oci.history import carried_by, reusable_layers
from imagekit.pipeline.workshop import Workshop

Places = Callable[[str, Architecture], Sequence[Reference]]
"""Where the image before may lie, by function and architecture, the likeliest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What an image that imagekit made says of itself."""

    layers: Mapping[Digest, LayerRecord]
    """By the fingerprint of their recipe."""
    carried: tuple[Mapping[str, object], ...]
    """What was measured of its packages."""
    origin: Reference
    """The repository that has its blobs."""


@dataclass(frozen=True, slots=True)
class PreviousImages:
    """Those of one run; each is asked for once. Safe to use from threads."""

    workshop: Workshop
    places: Places
    _found: dict[tuple[str, Architecture], Previous | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def none(cls, workshop: Workshop) -> PreviousImages:
        """Where nothing is to be reused."""
        return cls(workshop, lambda function, architecture: ())

    def of(self, function: str, architecture: Architecture) -> Previous | None:
        """The image before; None where there is none, or none that tells anything."""
        key = (function, architecture)
        with self._lock:
            if key not in self._found:
                self._found[key] = self._look(self.places(*key))
            return self._found[key]

    def know(
        self, function: str, architecture: Architecture, packages: Sequence[Package], source: Tree
    ) -> None:
        """Have measured the packages, if the image before was made of exactly these wheels.

        Not where the source fills a folder of theirs: then their files have to be compared.
        """
        store = self.workshop.store
        if not packages or is_measured(packages, store):
            return
        found = self.of(function, architecture)
        mine = {entry.path.partition("/")[0] for entry in source}
        for told in found.carried if found else ():
            tops = told.get("tops")
            if isinstance(tops, list) and mine.isdisjoint(tops):
                take_over(told, packages, store)

    def layers(
        self, function: str, architecture: Architecture, wanted: Iterable[Digest]
    ) -> dict[Digest, tuple[LayerRecord, Reference]]:
        """Those of the `wanted` fingerprints that the image before has, and where they lie.

        Only what passed today's rules: nothing of it is read here.
        """
        found = self.of(function, architecture) if (fingerprints := tuple(wanted)) else None
        if found is None:
            return {}
        return {
            fingerprint: (record, found.origin)
            for fingerprint in fingerprints
            if (record := found.layers.get(fingerprint)) and record.checks == RULES_VERSION
        }

    def _look(self, places: Sequence[Reference]) -> Previous | None:
        for place in places:
            try:
                if found := self._read(place):
                    return found
            except (RemoteError, BuildError) as error:
                # Whatever is wrong there, the push will meet it and say so.
                self.workshop.console.detail(f"nothing is reused of {place}: {error}")
        return None

    def _read(self, place: Reference) -> Previous | None:
        from imagekit.bases.fetched import documents_of
        from imagekit.oci.documents import parse_manifest

        registry = self.workshop.registry
        fetched = registry.find_manifest(place, write=True)
        if fetched is None:
            return None
        manifest = parse_manifest(fetched.data, fetched.media_type, name=str(place))
        documents = documents_of(registry, self.workshop.store, place, fetched, str(place))
        return Previous(
            layers=reusable_layers(manifest, documents.config),
            carried=carried_by(documents.config),
            origin=place.at(fetched.digest),
        )
