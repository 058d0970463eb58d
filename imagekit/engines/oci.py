"""The engine of this process: a plan becomes an image without any daemon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from imagekit.model.digest import Digest
from imagekit.model.extension import Extension
from imagekit.model.image import LayerRecord
from imagekit.model.reference import Reference
from imagekit.oci.image import Image, NewLayer, OthersLayer, assemble, reference_or_none
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.store import Store


def image_of(
    plan: BuildPlan,
    records: Mapping[Digest, LayerRecord],
    store: Store,
    *,
    origins: Mapping[Digest, Reference] = MappingProxyType({}),
    carried: Sequence[Mapping[str, object]] = (),
) -> Image:
    """The image of a plan whose layers are all made.

    The layers of its base and its extensions are named, not read. `records` is by fingerprint, as
    are the `origins` of layers that only a registry has; `carried` is for the next empty disk.
    Pure but for looking up where blobs lie in the store.
    """
    if plan.base is None or plan.settings is None:
        raise ValueError("the plan of a ZIP makes no image")
    own = tuple(
        NewLayer(
            record=records[layer.fingerprint],
            created_by=_created_by(layer),
            path=None
            if layer.fingerprint in origins
            else store.blob_path(records[layer.fingerprint].digest),
            origin=origins.get(layer.fingerprint),
        )
        for layer in plan.layers
    )
    added = tuple(layer for extension in plan.extensions for layer in _layers_of(extension))
    image = assemble(plan.base, (*added, *own), plan.settings, carried)
    if None not in plan.base.places:
        return image
    return image.with_paths(lambda descriptor: store.blob_path(descriptor.digest))


def _layers_of(extension: Extension) -> Iterator[OthersLayer]:
    for layer in extension.facts.layers:
        yield OthersLayer(
            digest=layer.digest,
            size_bytes=layer.size_bytes,
            diff_id=layer.diff_id,
            created_by=f"imagekit extension {extension.reference}",
            origin=reference_or_none(extension.reference),
        )


def _created_by(layer: LayerPlan) -> str:
    packages = " ".join(f"{package.name}=={package.version}" for package in layer.packages)
    return f"imagekit {layer.name}" + (f": {packages}" if packages else "")
