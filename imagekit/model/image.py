"""The words of an image: descriptors, layers, what the config says. Both families, no bytes."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from imagekit.model.digest import Digest

Family = Literal["oci", "docker"]
"""A manifest and all that it names are of one family (lambda_rules M10)."""

MANIFEST: dict[Family, str] = {
    "oci": "application/vnd.oci.image.manifest.v1+json",
    "docker": "application/vnd.docker.distribution.manifest.v2+json",
}
CONFIG: dict[Family, str] = {
    "oci": "application/vnd.oci.image.config.v1+json",
    "docker": "application/vnd.docker.container.image.v1+json",
}
LAYER: dict[Family, str] = {
    "oci": "application/vnd.oci.image.layer.v1.tar+gzip",
    "docker": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)

LAYER_FORMAT = 1
"""Raised when the bytes that a recipe gives change: tar fields, compression, wheel layout."""

RECIPES = {1: "the first one"}
"""What each layer format changed, for those whose lock has an older one: half a sentence."""


class Descriptor(Struct, frozen=True, kw_only=True):
    """Points at a blob: OCI image-spec, `descriptor.md`."""

    media_type: str
    digest: Digest
    size_bytes: int


class LayerRecord(Struct, frozen=True, kw_only=True):
    """What is known of a layer that was made once: enough to plan and push without its bytes.

    The same facts stand in the comment of the layer's history entry (design, decision 4).
    """

    fingerprint: Digest
    """Of the recipe."""
    diff_id: Digest
    """Of the uncompressed tar."""
    digest: Digest
    """Of the compressed blob."""
    size_bytes: int
    """Compressed."""
    unzipped_bytes: int
    """Sum of the files' sizes."""
    tar_bytes: int
    """Uncompressed tar: what Lambda's 10 GiB are counted in (lambda_rules T6)."""
    files: int
    glibc: str | None = None
    """Newest glibc version that a shared object here asks for, such as `2.28`."""
    checks: int = 0
    """Version of the rule set that this layer passed; 0 is none."""


class NewBlob(Struct, frozen=True):
    """The blob of a layer that was just made, while it is being written to the store."""

    fingerprint: Digest
    digest: Digest
    data: bytearray


NewLayer = NewBlob | LayerRecord
"""A layer on its way into the store, and then the same in it."""


class History(Struct, frozen=True, kw_only=True):
    """One entry of an image's history."""

    created_by: str = ""
    comment: str = ""
    created: str | None = None
    author: str | None = None
    empty_layer: bool = False


class ImageConfig(Struct, frozen=True, kw_only=True):
    """What Lambda honours of an image's config (lambda_rules M14), and what makes it valid."""

    architecture: str
    """As OCI spells it: `amd64`, `arm64`."""
    variant: str = ""
    """Of the architecture, such as `v8`, where the base says one."""
    env: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_dir: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    user: str = ""
    created: str | None = None
    os: str = "linux"
    diff_ids: tuple[Digest, ...] = ()
    history: tuple[History, ...] = ()


class Manifest(Struct, frozen=True, kw_only=True):
    """A single-image manifest."""

    family: Family
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: tuple[tuple[str, str], ...] = ()
