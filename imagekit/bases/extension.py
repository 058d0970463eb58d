"""An extension pinned by digest: the layers of another image that go on top of a base."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit.bases.demands import OCI_ARCHITECTURES, UPGRADE
from imagekit.bases.extension_record import keep, load_facts
from imagekit.model.errors import CannotBuild, HttpError
from imagekit.model.extension import Extension, ExtensionFacts
from imagekit.model.image import LAYER, Descriptor
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.store import Store

if TYPE_CHECKING:
    from imagekit.bases.reading import Documents, Stream
    from imagekit.registry.client import FetchedManifest, Registry

Open = Callable[[Descriptor], "Stream"]
Read = Callable[["Documents", Open], ExtensionFacts]
"""Streams the layers once, judges them, and says what plans need."""

_GZIP = "docker buildx build --output type=image,compression=gzip,force-compression=true,push=true"


class WantedExtension(Struct, frozen=True, kw_only=True):
    """Which one."""

    name: str
    """As the configuration says it."""
    reference: Reference
    """With a digest where it is pinned to one; that of an index, too."""
    architecture: Architecture

    @property
    def place(self) -> str:
        """Where it lies, without a digest."""
        return str(replace(self.reference, digest=None))


class ExtensionPinner(Struct, frozen=True, kw_only=True):
    """Resolves extensions. `registry` is called only where one must be asked."""

    store: Store
    registry: Callable[[], Registry]
    read: Read

    def extension(self, wanted: WantedExtension) -> Extension:
        """The extension at one digest; its layers are read unless that was done before.

        Errors: CannotBuild where it is for another architecture or its layers are no gzip,
        HttpError and RemoteRefused from a registry, and what `read` raises.
        """
        pulled, fetched = self._fetch(wanted)
        facts = load_facts(self.store, fetched.digest, wanted.architecture)
        if facts is None:
            facts = self._read(wanted, pulled, fetched)
            keep(self.store, fetched.digest, wanted.architecture, facts)
        return Extension(
            name=wanted.name,
            reference=f"{wanted.place}@{fetched.digest}",
            digest=fetched.digest,
            facts=facts,
        )

    def _fetch(self, wanted: WantedExtension) -> tuple[Reference, FetchedManifest]:
        asked = wanted.reference
        by_digest = asked.at(asked.digest) if asked.digest else asked
        try:
            return self.registry().resolve(by_digest, OCI_ARCHITECTURES[wanted.architecture])
        except HttpError as error:
            if error.status == 404 and asked.digest:
                error.hint = f"the pinned extension is gone from its registry: {UPGRADE}"
            raise

    def _read(
        self, wanted: WantedExtension, pulled: Reference, fetched: FetchedManifest
    ) -> ExtensionFacts:
        from imagekit.bases.fetched import documents_of

        documents = documents_of(self.registry(), self.store, pulled, fetched, wanted.name)
        _require_fit(wanted, documents)

        def open_layer(layer: Descriptor) -> Stream:
            return self.registry().open_blob(pulled, layer.digest)

        return self.read(documents, open_layer)


def _require_fit(wanted: WantedExtension, documents: Documents) -> None:
    """For Linux and the architecture, in documents that agree, of gzip layers alone."""
    config, layers = documents.config, documents.layers
    if len(config.diff_ids) != len(layers) or not layers:
        raise CannotBuild(
            what=f"{wanted.name} is broken: its manifest and its config name other layers",
            causes=(f"{len(layers)} layers, {len(config.diff_ids)} diff_ids",),
        )
    if config.os != "linux" or config.architecture != OCI_ARCHITECTURES[wanted.architecture]:
        known = {spelt: name for name, spelt in OCI_ARCHITECTURES.items()}
        found = known.get(config.architecture, config.architecture or "an unknown architecture")
        raise CannotBuild(
            what=f"the extension {wanted.name} is for {config.os} on {found}, "
            f"not for {wanted.architecture}",
            hint=f"name its image for {wanted.architecture} in `extensions`",
        )
    for layer in layers:
        if layer.media_type not in LAYER.values():
            raise CannotBuild(
                # lambda_rules M5 to M9.
                what=f"a layer of the extension {wanted.name} has the type {layer.media_type}, "
                "which Lambda may refuse",
                causes=(f"layer {layer.digest}",),
                hint=f"make it anew from `FROM {wanted.name}`, with gzip: {_GZIP}",
            )
