"""An image as a value: a base's layers by their descriptors, and ours on top. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.image import (
    CONFIG,
    LAYER,
    MANIFEST,
    Descriptor,
    Family,
    History,
    ImageConfig,
    LayerRecord,
    Manifest,
)
from imagekit.model.reference import Reference
from imagekit.oci.documents import dump_config, dump_manifest
from imagekit.oci.history import carried_entry, comment, settled_history
from imagekit.oci.places import Place

_T = TypeVar("_T")


class ImageLayer(Struct, frozen=True, kw_only=True):
    """One layer, and where its bytes are: on this disk, in a registry, in both, or nowhere."""

    descriptor: Descriptor
    diff_id: Digest
    path: Path | None = None
    """The file that holds the blob, from `offset` on."""
    offset: int = 0
    """Zero but for a layer that lies in an archive."""
    origin: Reference | None = None
    """The repository that has the blob."""
    by_others: bool = False
    """The base's or an extension's: it stays where it lies unless everything is asked for."""

    @property
    def place(self) -> Place | None:
        """Where the blob's bytes lie on this disk."""
        if self.path is None:
            return None
        return Place(path=self.path, offset=self.offset, size_bytes=self.descriptor.size_bytes)

    @property
    def here(self) -> bool:
        """Whether the blob's file is there: a path may be where it would lie in the store."""
        return self.path is not None and self.path.is_file()

    def open(self) -> BinaryIO:
        """Read the blob; ValueError where it is not on this disk."""
        if (place := self.place) is None:
            raise ValueError(f"{self.descriptor.digest} is not here")
        return place.open()


class Image(Struct, frozen=True, kw_only=True):
    """A single image: its two documents as bytes, and its layers from the base up."""

    manifest: bytes
    media_type: str
    digest: Digest
    config: bytes
    config_digest: Digest
    layers: tuple[ImageLayer, ...]
    made_up: bool = False
    """The manifest is imagekit's own words for an archive that has none: pushing writes another."""

    @classmethod
    def of(
        cls, manifest: bytes, media_type: str, config: bytes, layers: Sequence[ImageLayer]
    ) -> Image:
        """Name both documents by their bytes."""
        return cls(
            manifest=manifest,
            media_type=media_type,
            digest=Digest.of(manifest),
            config=config,
            config_digest=Digest.of(config),
            layers=tuple(layers),
        )

    def with_paths(self, find: Callable[[Descriptor], Path | None]) -> Image:
        """The same image, knowing the files that `find` has for layers without one."""
        return replace(
            self,
            layers=tuple(
                layer if layer.path else replace(layer, path=find(layer.descriptor), offset=0)
                for layer in self.layers
            ),
        )


class NewLayer(Struct, frozen=True, kw_only=True):
    """A layer to put on top; `path` where its blob is here, `origin` where a registry has it."""

    record: LayerRecord
    created_by: str
    """For people: what the layer holds."""
    path: Path | None = None
    origin: Reference | None = None

    @property
    def diff_id(self) -> Digest:
        """Of the uncompressed tar."""
        return self.record.diff_id


class OthersLayer(Struct, frozen=True, kw_only=True):
    """A gzip'd layer of another image to put on top by its descriptor: nothing of it is read."""

    digest: Digest
    """Of the compressed blob."""
    size_bytes: int
    """Compressed."""
    diff_id: Digest
    created_by: str
    """For people: whose it is."""
    origin: Reference | None
    """The repository that has the blob."""


AddedLayer = NewLayer | OthersLayer
"""What goes on top of a base."""


class ConfigChange(Struct, frozen=True, kw_only=True):
    """What an image's config says other than its base's. None keeps what the base says."""

    env: tuple[tuple[str, str], ...] = ()
    """Set or added; variables that the base has keep their place."""
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    working_dir: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    """Set or added."""
    created: str | None = None
    """RFC 3339. None leaves it out, also where the base has one."""
    architecture: str | None = None
    """As OCI spells it; needed where there is no base."""


def assemble(
    base: Base | None,
    layers: Sequence[AddedLayer],
    change: ConfigChange,
    carried: Sequence[Mapping[str, object]] = (),
) -> Image:
    """The image that has `layers` on `base`, in the base's family (lambda_rules M10).

    A layer that others made takes that family's media type: gzip'd tars are the same in both.
    `carried` travels in the history, for whoever builds on an empty disk (decision 4).

    Without a base it is OCI's. The base's layers are named, not opened: their bytes stay where the
    base lies. ValueError where neither says the architecture; CannotBuild for a broken base.
    """
    family = base.family if base else "oci"
    stacked = (*(_base_layers(base) if base else ()), *(_added(layer, family) for layer in layers))
    config = _config(base.config if base else None, layers, change)
    if carried:
        config = replace(config, history=(*config.history, carried_entry(carried)))
    data = dump_config(config)
    manifest = Manifest(
        family=family,
        config=Descriptor(media_type=CONFIG[family], digest=Digest.of(data), size_bytes=len(data)),
        layers=tuple(layer.descriptor for layer in stacked),
    )
    return Image.of(dump_manifest(manifest), MANIFEST[family], data, stacked)


def unusable_layers(manifest: Manifest) -> tuple[Descriptor, ...]:
    """Layers that are not gzip'd tars: Lambda refuses them, or nobody knows (M5 to M9)."""
    return tuple(layer for layer in manifest.layers if layer.media_type not in LAYER.values())


def _base_layers(base: Base) -> tuple[ImageLayer, ...]:
    if len(base.layers) != len(base.config.diff_ids):
        raise CannotBuild(
            what=f"the base {base.name} is broken: its manifest and its config name other layers",
            causes=(f"{len(base.layers)} layers, {len(base.config.diff_ids)} diff_ids",),
        )
    return tuple(
        ImageLayer(
            descriptor=_in_family(descriptor, base.family),
            diff_id=diff_id,
            origin=reference_or_none(named) if (named := base.published or place) else None,
            by_others=True,
        )
        for descriptor, diff_id, place in zip(
            base.layers, base.config.diff_ids, base.places, strict=True
        )
    )


def _added(layer: AddedLayer, family: Family) -> ImageLayer:
    if isinstance(layer, OthersLayer):
        return ImageLayer(
            descriptor=_gzip(layer.digest, layer.size_bytes, family),
            diff_id=layer.diff_id,
            origin=layer.origin,
            by_others=True,
        )
    return ImageLayer(
        descriptor=_gzip(layer.record.digest, layer.record.size_bytes, family),
        diff_id=layer.diff_id,
        path=layer.path,
        origin=layer.origin,
    )


def _gzip(digest: Digest, size_bytes: int, family: Family) -> Descriptor:
    return Descriptor(media_type=LAYER[family], digest=digest, size_bytes=size_bytes)


def _config(
    base: ImageConfig | None, layers: Sequence[AddedLayer], change: ConfigChange
) -> ImageConfig:
    if base is None:
        if change.architecture is None:
            raise ValueError("an image without a base needs an architecture")
        base = ImageConfig(architecture=change.architecture)
    return replace(
        base,
        architecture=change.architecture or base.architecture,
        env=_merged(base.env, change.env),
        command=_or(change.command, base.command),
        entrypoint=_or(change.entrypoint, base.entrypoint),
        working_dir=_or(change.working_dir, base.working_dir),
        labels=tuple(sorted((dict(base.labels) | dict(change.labels)).items())),
        created=change.created,
        diff_ids=(*base.diff_ids, *(layer.diff_id for layer in layers)),
        history=(*settled_history(base), *(_history(layer) for layer in layers)),
    )


def _history(layer: AddedLayer) -> History:
    if isinstance(layer, OthersLayer):
        return History(created_by=layer.created_by)
    return History(created_by=layer.created_by, comment=comment(layer.record))


def _merged(
    base: Sequence[tuple[str, str]], added: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    variables: Mapping[str, str] = dict(base) | dict(added)
    return tuple(variables.items())


def _or(given: _T | None, otherwise: _T) -> _T:
    return otherwise if given is None else given


def _in_family(descriptor: Descriptor, family: Family) -> Descriptor:
    """A gzip'd layer by its name in this family; the bytes are the same in both."""
    if descriptor.media_type not in LAYER.values():
        return descriptor
    return replace(descriptor, media_type=LAYER[family])


def reference_or_none(text: str) -> Reference | None:
    """The image reference that `text` is; None for a folder's path."""
    try:
        return Reference.parse(text)
    except ValueError:
        return None
