"""A layer by itself in a registry, so that all projects of a team share it (decision 4). Pure.

An OCI image manifest with nothing but the layer (image-spec `manifest.md`, "Guidelines for Artifact
Usage"), tagged by the fingerprint of its recipe. It says what the history of an image says of the
layer. A manifest it has to be: ECR mounts a blob only from where one names it (lambda_rules E14).
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.image import LAYER, MANIFEST, Descriptor, LayerRecord
from imagekit.oci.documents import dump_descriptor, parse_descriptor
from imagekit.oci.history import comment, parse_comment
from imagekit.oci.values import canonical, object_at, objects_at, pairs_at, parse_object, text_at

MEDIA_TYPE: Final = MANIFEST["oci"]
ARTIFACT_TYPE: Final = "application/vnd.imagekit.layer.v1"
FACTS: Final = "dev.imagekit.layer.facts"
"""The annotation with the LayerRecord, as the comment in a history has it."""

# The diff_id a second time, beside the blob that it is of; containerd and BuildKit write it so.
_UNCOMPRESSED: Final = "containerd.io/uncompressed"

EMPTY: Final = b"{}"
EMPTY_CONFIG: Final = Descriptor(
    media_type="application/vnd.oci.empty.v1+json", digest=Digest.of(EMPTY), size_bytes=len(EMPTY)
)
"""image-spec `manifest.md`, "Guidance for an Empty Descriptor"."""

_TAG = re.compile(r"layer-[0-9a-f]{64}-rules\d+")


class KeptLayer(Struct, frozen=True, kw_only=True):
    """The manifest of one layer, as it is to be put."""

    record: LayerRecord
    manifest: bytes
    digest: Digest

    @property
    def layer(self) -> Descriptor:
        """The one layer."""
        return _descriptor(self.record)


def kept_tag(fingerprint: Digest, checks: int) -> str:
    """Names one layer for ever, so that tags may be immutable: its recipe, and the version of the
    rules that it passed, as one of older rules is of no use."""
    return f"layer-{fingerprint.hex}-rules{checks}"


def is_kept_tag(tag: str) -> bool:
    """Whether `kept_tag` wrote it."""
    return _TAG.fullmatch(tag) is not None


def kept_layer(record: LayerRecord) -> KeptLayer:
    """The same bytes wherever it is made: nothing in it is of a project."""
    layer = dump_descriptor(_descriptor(record))
    data = canonical(
        {
            "annotations": {FACTS: comment(record)},
            "artifactType": ARTIFACT_TYPE,
            "config": dump_descriptor(EMPTY_CONFIG),
            "layers": [{**layer, "annotations": {_UNCOMPRESSED: str(record.diff_id)}}],
            "mediaType": MEDIA_TYPE,
            "schemaVersion": 2,
        }
    )
    return KeptLayer(record=record, manifest=data, digest=Digest.of(data))


def read_kept(data: bytes, fingerprint: Digest) -> LayerRecord:
    """The layer that was kept under this fingerprint; ValueError saying why it is not to be used.

    The facts must be about the blob that is named, and both places must agree on its diff_id.
    """
    document = parse_object(data)
    if text_at(document, "artifactType") != ARTIFACT_TYPE:
        raise ValueError("it is no layer that imagekit kept")
    layers = objects_at(document, "layers")
    if len(layers) != 1:
        raise ValueError(f"it has {len(layers)} layers")
    blob = parse_descriptor(layers[0])
    if blob.media_type != LAYER["oci"]:
        raise ValueError(f"its layer is {blob.media_type}")
    facts = text_at(object_at(document, "annotations"), FACTS)
    record = parse_comment(facts, blob)
    if record is None:
        raise ValueError("its facts are not about its blob")
    if record.fingerprint != fingerprint:
        raise ValueError(f"it is of the recipe {record.fingerprint}")
    said = dict(pairs_at(layers[0], "annotations")).get(_UNCOMPRESSED)
    if said != str(record.diff_id):
        raise ValueError(f"its diff_id is {record.diff_id} in one place and {said} in another")
    return record


def _descriptor(record: LayerRecord) -> Descriptor:
    return Descriptor(media_type=LAYER["oci"], digest=record.digest, size_bytes=record.size_bytes)
