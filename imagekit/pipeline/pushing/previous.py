"""What was pushed before: the cache of a runner with an empty disk (decision 4).

    the image that the tag names ─→ its documents are read before a push anyway
    layer_repository             ─→ by fingerprint, what that image lacks
    other images                 ─→ under another tag, or run by the deployed function

Each is asked only where the store and those before it lack something. What they say of layers is
believed, so reuse trusts whoever may push there; `--no-reuse` turns it off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct, field

from imagekit.check.own import RULES_VERSION
from imagekit.contents.carried import is_measured, take_over, told_weights
from imagekit.model.digest import Digest
from imagekit.model.errors import BuildError, RemoteError
from imagekit.model.image import LayerRecord
from imagekit.model.package import Package
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.model.tree import Tree
from imagekit.oci.history import carried_by, reusable_layers
from imagekit.pipeline.pushing.layer_shelf import LayerOrigins, Shelves
from imagekit.pipeline.workshop import Workshop

if TYPE_CHECKING:
    from imagekit.registry.looks import Looks

Places = Callable[[str, Architecture], Iterable[Reference]]
"""Where images before may lie, by function and architecture, the likeliest first. Taken one by one:
what it costs to know a later one is spent only where the earlier ones do not do."""


class Previous(Struct, frozen=True, kw_only=True):
    """What an image that imagekit made says of itself."""

    layers: Mapping[Digest, LayerRecord]
    """By the fingerprint of their recipe."""
    carried: tuple[Mapping[str, object], ...]
    """What was measured of its packages."""
    origin: Reference
    """The repository that has its blobs, by digest."""


class PreviousImages(Struct, frozen=True):
    """Those of one run; each is asked for once. Safe to use from threads."""

    workshop: Workshop
    places: Places
    shelves: Shelves | None = None
    looks: Looks | None = None
    """Shared with the push, which looks at the same tag; None: its own."""
    _chains: dict[tuple[str, Architecture], _Chain] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def none(cls, workshop: Workshop) -> PreviousImages:
        """Where nothing is to be reused."""
        return cls(workshop, lambda function, architecture: ())

    def know(
        self, function: str, architecture: Architecture, packages: Sequence[Package], source: Tree
    ) -> None:
        """Have measured the packages, if an image before was made of exactly these wheels.

        Not where the source fills a folder of theirs: then their files have to be compared.
        """
        store = self.workshop.store
        if not packages or is_measured(packages, store):
            return
        mine = {entry.path.partition("/")[0] for entry in source}
        for found in self._before(function, architecture):
            told = (one for one in found.carried if _fits(one, mine))
            if any(take_over(one, packages, store) for one in told):
                return

    def weights(self, function: str, architecture: Architecture) -> dict[str, int] | None:
        """What the packages of the image before weighed, by name; None where none tells."""
        for found in self._before(function, architecture):
            # The first tells of the function's packages, another of the runtime client's.
            for told in found.carried[:1]:
                if weights := told_weights(told):
                    return weights
        return None

    def layers(
        self, function: str, architecture: Architecture, wanted: Iterable[Digest]
    ) -> LayerOrigins:
        """Those of the `wanted` fingerprints that a registry has, and where they lie.

        Only what passed today's rules: nothing of it is read here.
        """
        missing, found = tuple(wanted), LayerOrigins()
        sources = self._sources(function, architecture)
        while missing and (source := next(sources, None)):
            found |= source(missing)
            missing = tuple(fingerprint for fingerprint in missing if fingerprint not in found)
        return found

    def _sources(
        self, function: str, architecture: Architecture
    ) -> Iterator[Callable[[Sequence[Digest]], LayerOrigins]]:
        images = self._before(function, architecture)
        if (first := next(images, None)) is not None:
            yield partial(_of_image, first)
        shelf = self.shelves.of(function) if self.shelves else None
        if shelf is not None:
            yield shelf.find
        for image in images:
            yield partial(_of_image, image)

    def _before(self, function: str, architecture: Architecture) -> Iterator[Previous]:
        key = (function, architecture)
        with self._lock:
            if key not in self._chains:
                self._chains[key] = _Chain(self._looked(*key))
        return iter(self._chains[key])

    def _looked(self, function: str, architecture: Architecture) -> Iterator[Previous]:
        from imagekit.registry.looks import Looks

        seen: set[Digest | None] = set()
        looks = self.looks or Looks(self.workshop.registry)
        for place in self._places(function, architecture):
            if place.digest is not None and place.digest in seen:
                continue
            try:
                if (found := self._read(place, looks)) is not None:
                    seen.add(found.origin.digest)
                    yield found
            except (RemoteError, BuildError) as error:
                # Whatever is wrong there, the push will meet it and say so.
                self.workshop.console.detail(f"nothing is reused of {place}: {error}")

    def _places(self, function: str, architecture: Architecture) -> Iterator[Reference]:
        try:
            yield from self.places(function, architecture)
        except RemoteError as error:
            self.workshop.console.detail(f"no more images are looked at for {function}: {error}")

    def _read(self, place: Reference, looks: Looks) -> Previous | None:
        from imagekit.bases.fetched import documents_of
        from imagekit.oci.documents import parse_manifest

        fetched = looks.at(place).manifest
        if fetched is None:
            return None
        registry = self.workshop.registry
        manifest = parse_manifest(fetched.data, fetched.media_type, name=str(place))
        for layer in manifest.layers:
            registry.presence.add(place, layer.digest)
        documents = documents_of(registry, self.workshop.store, place, fetched, str(place))
        return Previous(
            layers=reusable_layers(manifest, documents.config),
            carried=carried_by(documents.config),
            origin=place.at(fetched.digest),
        )


class _Chain:
    """An iterator that can be gone over again, by several threads: each item is made once."""

    def __init__(self, items: Iterator[Previous]) -> None:
        self._items = items
        self._made: list[Previous] = []
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Previous]:
        index = 0
        while (found := self._at(index)) is not None:
            yield found
            index += 1

    def _at(self, index: int) -> Previous | None:
        with self._lock:
            if index == len(self._made) and (new := next(self._items, None)) is not None:
                self._made.append(new)
            return self._made[index] if index < len(self._made) else None


def _fits(told: Mapping[str, object], mine: set[str]) -> bool:
    tops = told.get("tops")
    return isinstance(tops, list) and mine.isdisjoint(tops)


def _of_image(image: Previous, wanted: Iterable[Digest]) -> LayerOrigins:
    return {
        fingerprint: (record, image.origin)
        for fingerprint in wanted
        if (record := image.layers.get(fingerprint)) and record.checks == RULES_VERSION
    }
