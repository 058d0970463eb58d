"""A base pinned by digest, with the facts that were read from its layers once (decision 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit.bases.definition import DebianOrigin, Definition, OtherBase
from imagekit.bases.demands import (
    UPGRADE,
    Misfit,
    Wanted,
    require_bytes,
    require_fit,
    require_listed,
    require_pin,
    require_python,
)
from imagekit.bases.record import keep, load_pinned
from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, HttpError, ImagekitError, RemoteRefused
from imagekit.model.image import Descriptor, ImageConfig
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.store import Store

if TYPE_CHECKING:
    from imagekit.bases.reading import Documents, Stream
    from imagekit.oci.image import Image
    from imagekit.registry.client import FetchedManifest, Registry

Opener = Callable[[Descriptor], "Stream"]


def _silent(read_bytes: int) -> None:
    """Nobody listens."""


class Pinner(Struct, frozen=True, kw_only=True):
    """Resolves bases. `registry` is called only where one must be asked."""

    store: Store
    environ: Mapping[str, str]
    registry: Callable[[], Registry]
    sleep: Callable[[float], None]
    progress: Callable[[int], None] = _silent
    """Hears how many more compressed bytes of a base were read, from several threads."""

    def base(self, wanted: Wanted) -> Base:
        """The base, pinned. With a pin that the store knows, nothing is asked and nothing read.

        Errors: ConfigError where the base is not what its definition says, CannotBuild where
        Lambda or imagekit cannot use it, DigestMismatch where the pin's bytes are not to be had
        any more, HttpError and RemoteRefused from a registry.
        """
        match wanted.source:
            case Definition() as definition:
                return self._defined(definition, wanted)
            case Reference() as reference:
                return self._from_registry(reference, wanted)
            case Path() as folder:
                return self._from_layout(folder, wanted)

    def _defined(self, definition: Definition, wanted: Wanted) -> Base:
        require_listed(definition, wanted.architecture)
        match definition.origin:
            case DebianOrigin():
                found = self._composed(definition, wanted)
            case Reference() as origin:
                found = self._from_registry(origin, wanted)
            case OtherBase():
                raise TypeError(f"{definition.name} lies on another base")
        require_python(definition, found.facts)
        return replace(found, config=_overlaid(found.config, definition))

    def _known(
        self, wanted: Wanted, digest: Digest | None, place: str, *, in_store: bool
    ) -> Base | None:
        """What an earlier build read; where no registry has the layers, they must be here."""
        found = load_pinned(self.store, digest) if digest else None
        if found is None or (in_store and not found.in_store):
            return None
        return replace(found, name=wanted.name, reference=f"{place}@{digest}", in_store=in_store)

    def _composed(self, definition: Definition, wanted: Wanted) -> Base:
        if known := self._known(wanted, wanted.pinned, definition.name, in_store=True):
            return known
        from imagekit.bases.debian import Composer

        composer = Composer(store=self.store, environ=self.environ)
        found = composer.base(definition, wanted.architecture, afresh=wanted.afresh)
        require_pin(wanted, found.digest, "Debian's packages have changed since it was pinned")
        return replace(found, name=wanted.name, reference=f"{definition.name}@{found.digest}")

    def _from_registry(self, reference: Reference, wanted: Wanted) -> Base:
        place = str(replace(reference, digest=None))
        if known := self._known(wanted, wanted.pinned, place, in_store=False):
            return known
        own = None if wanted.pinned else _for_one(reference, wanted.architecture)
        try:
            return self._fetched(reference, wanted)
        except (HttpError, RemoteRefused, Misfit) as error:
            if own is None or (isinstance(error, HttpError) and error.status != 404):
                raise
            return self._fetched_instead(own, wanted, error)

    def _fetched_instead(self, own: Reference, wanted: Wanted, error: ImagekitError) -> Base:
        """By the architecture's own tag (decision 11); `error` is what the tag itself gave."""
        try:
            return self._fetched(own, wanted)
        except HttpError as other:
            if other.status != 404:
                raise
            error.hint = error.hint or f"there is no {own} either: name a tag that is there"
            raise error from None

    def _fetched(self, reference: Reference, wanted: Wanted) -> Base:
        place = str(replace(reference, digest=None))
        pulled, fetched = self._fetch(reference, wanted)
        if known := self._known(wanted, fetched.digest, place, in_store=False):
            require_fit(wanted, known.config, known.layers)
            return known
        from imagekit.bases.fetched import documents_of

        documents = documents_of(self.registry(), self.store, pulled, fetched, wanted.name)

        def open_layer(layer: Descriptor) -> Stream:
            return self.registry().open_blob(pulled, layer.digest)

        return self._read(wanted, place, documents, open_layer)

    def _fetch(self, reference: Reference, wanted: Wanted) -> tuple[Reference, FetchedManifest]:
        if wanted.pinned is None:
            return self.registry().resolve(reference, wanted.oci_architecture)
        pulled = reference.at(wanted.pinned)
        try:
            return pulled, self.registry().manifest(pulled)
        except HttpError as error:
            if error.status == 404:
                error.hint = f"the pinned base is gone from its registry: {UPGRADE}"
            raise

    def _from_layout(self, folder: Path, wanted: Wanted) -> Base:
        if known := self._known(wanted, wanted.pinned, str(folder), in_store=True):
            return known
        from imagekit.bases.reading import Documents
        from imagekit.oci.documents import parse_config, parse_manifest
        from imagekit.oci.layout import read_layout

        image = read_layout(folder, architecture=wanted.oci_architecture)
        require_pin(wanted, image.digest, f"{folder} has changed since it was pinned")
        self._take_layers(image, folder)
        manifest = parse_manifest(image.manifest, image.media_type, name=wanted.name)
        documents = Documents(
            digest=image.digest,
            family=manifest.family,
            config=parse_config(image.config, name=wanted.name),
            layers=manifest.layers,
        )

        def open_layer(layer: Descriptor) -> Stream:
            return self.store.blob_path(layer.digest).open("rb")

        return self._read(wanted, str(folder), documents, open_layer, in_store=True)

    def _take_layers(self, image: Image, folder: Path) -> None:
        """Copy the layers into the store: the folder may be gone when the next build needs them."""
        for layer in image.layers:
            if layer.path is None:
                raise CannotBuild(
                    what=f"the layout {folder} has not all of its layers",
                    causes=(f"layer {layer.descriptor.digest} is missing",),
                    hint="write it with `--complete`",
                )
            if self.store.has_blob(layer.descriptor.digest, layer.descriptor.size_bytes):
                continue
            with layer.open() as source, self.store.writer(layer.descriptor.digest) as writer:
                while chunk := source.read(1 << 20):
                    writer.write(chunk)
            require_bytes(layer.descriptor.digest, writer.digest, f"a layer in {folder}")

    def _read(
        self,
        wanted: Wanted,
        place: str,
        documents: Documents,
        open_layer: Opener,
        *,
        in_store: bool = False,
    ) -> Base:
        """The base with its facts: from the pin, else from its layers. Kept for the next build."""
        from imagekit.bases.reading import read_facts

        require_fit(wanted, documents.config, documents.layers)
        facts = wanted.facts if wanted.pinned else None
        if facts is None:
            facts = read_facts(
                wanted.name, documents, open_layer, self.sleep, self.progress, self.store
            )
        base = Base(
            name=wanted.name,
            reference=f"{place}@{documents.digest}",
            digest=documents.digest,
            family=documents.family,
            config=documents.config,
            layers=documents.layers,
            facts=facts,
            in_store=in_store,
        )
        keep(self.store, base)
        return base


def _for_one(reference: Reference, architecture: Architecture) -> Reference | None:
    """The tag that such an image has for one architecture alone; None where it is named already."""
    if reference.tag is None or reference.digest or reference.tag.endswith(f"-{architecture}"):
        return None
    return reference.tagged(f"{reference.tag}-{architecture}")


def _overlaid(config: ImageConfig, definition: Definition) -> ImageConfig:
    return replace(
        config,
        env=tuple((dict(config.env) | dict(definition.env)).items()),
        labels=tuple(sorted((dict(config.labels) | dict(definition.labels)).items())),
    )
