"""Reading a layout that is a folder or an archive, without unpacking it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, DigestMismatch
from imagekit.model.image import INDEXES, MANIFEST, Descriptor
from imagekit.model.reference import Reference
from imagekit.oci.documents import parse_config, parse_descriptor, parse_manifest, readable
from imagekit.oci.image import Image, ImageLayer, reference_or_none
from imagekit.oci.places import Places
from imagekit.oci.values import Object, object_at, objects_at, pairs_at, parse_object

SPARSE: Final = "dev.imagekit.sparse"
"""Annotation of a descriptor: layers are missing on purpose."""

BASE: Final = "dev.imagekit.base"
"""Annotation of a sparse descriptor: the reference of the base that has them."""

LAYER_FROM: Final = "dev.imagekit.layer."
"""Begins an annotation, with the hex digits of a missing layer: the reference that has it."""

MARKER: Final = "oci-layout"
_MAX_DEPTH: Final = 3


def image_in(places: Places, architecture: str | None = None) -> Image:
    """The image of a layout; `layout.read_layout` says what is checked."""
    entry = _choose(places, list(_images(places, top(places))), architecture)
    with readable(f"the layout {places.name}"):
        manifest_blob = parse_descriptor(entry)
        annotations = dict(pairs_at(entry, "annotations"))
    data = _document(places, manifest_blob)
    manifest = parse_manifest(data, manifest_blob.media_type, name=places.name)
    config_data = _document(places, manifest.config)
    config = parse_config(config_data, name=places.name)
    if len(config.diff_ids) != len(manifest.layers):
        raise _broken(places, "its manifest and its config name other layers")
    layers = (
        _layer(places, blob, diff_id, _origin(annotations, blob))
        for blob, diff_id in zip(manifest.layers, config.diff_ids, strict=True)
    )
    return Image.of(data, MANIFEST[manifest.family], config_data, list(layers))


def top(places: Places) -> tuple[Object, ...]:
    """The descriptors in `index.json`; CannotBuild where this is no layout."""
    place = places.find("index.json")
    if place is None or places.find(MARKER) is None:
        raise CannotBuild(
            what=f"{places.name} is not an OCI layout",
            causes=(f"it has no {MARKER if place else 'index.json'}",),
        )
    with readable(f"the layout {places.name}"):
        return objects_at(parse_object(place.read()), "manifests")


def _images(places: Places, entries: Sequence[Object], depth: int = 0) -> Iterator[Object]:
    """The single images among `entries`, and in the indexes that they name."""
    for entry in entries:
        with readable(f"the layout {places.name}"):
            blob = parse_descriptor(entry)
            platform = object_at(entry, "platform")
        if blob.media_type in INDEXES and depth < _MAX_DEPTH:
            with readable(f"the layout {places.name}"):
                inner = objects_at(parse_object(_document(places, blob)), "manifests")
            yield from _images(places, inner, depth + 1)
        # BuildKit marks attestations so; they are no images.
        elif platform.get("os") != "unknown":
            yield entry


def _choose(places: Places, images: Sequence[Object], architecture: str | None) -> Object:
    fitting = [
        entry
        for entry in images
        if architecture is None
        or len(images) == 1
        or object_at(entry, "platform").get("architecture") == architecture
    ]
    if len(fitting) == 1:
        return fitting[0]
    found = [str(object_at(entry, "platform").get("architecture", "unknown")) for entry in images]
    wanted = f"for {architecture}" if architecture else "alone"
    raise CannotBuild(
        what=f"{places.name} has {len(fitting)} images {wanted}",
        causes=(f"it holds: {', '.join(found) or 'no image'}",),
        hint="name a layout that holds one image for each architecture",
    )


def _document(places: Places, blob: Descriptor) -> bytes:
    place = places.find(blob_name(blob.digest))
    if place is None:
        raise _broken(places, f"the blob {blob.digest} is missing")
    data = place.read()
    if (found := Digest.of(data)) != blob.digest:
        raise DigestMismatch(
            what=f"a document in {places.name}", expected=str(blob.digest), actual=str(found)
        )
    return data


def _origin(annotations: Mapping[str, str], blob: Descriptor) -> Reference | None:
    own = annotations.get(f"{LAYER_FROM}{blob.digest.hex}")
    return reference_or_none(own or annotations.get(BASE, ""))


def _layer(
    places: Places, blob: Descriptor, diff_id: Digest, origin: Reference | None
) -> ImageLayer:
    place = places.find(blob_name(blob.digest))
    if place is None:
        return ImageLayer(
            descriptor=blob, diff_id=diff_id, origin=origin, by_others=origin is not None
        )
    if place.size_bytes != blob.size_bytes:
        raise _broken(
            places,
            f"the layer {blob.digest} has {place.size_bytes} bytes instead of {blob.size_bytes}",
        )
    return ImageLayer(descriptor=blob, diff_id=diff_id, path=place.path, offset=place.offset)


def blob_name(digest: Digest) -> str:
    """Where a layout keeps a blob."""
    return f"blobs/sha256/{digest.hex}"


def _broken(places: Places, why: str) -> CannotBuild:
    return CannotBuild(what=f"{places.name} is broken: {why}", hint="build or export it again")
