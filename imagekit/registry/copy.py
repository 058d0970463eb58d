"""Copying an image from one repository to another, in this registry or another one."""

from __future__ import annotations

from imagekit.model.errors import RemoteRefused
from imagekit.model.reference import Reference
from imagekit.registry.client import Registry
from imagekit.registry.manifests import blobs_in
from imagekit.registry.push import PushPlan, Upload


def copy_plan(registry: Registry, source: Reference) -> PushPlan:
    """What `push` needs to put the image of `source` elsewhere, byte for byte.

    Blobs are mounted within one registry, else streamed from one to the other. `source` names one
    image; for an index resolve it first (RemoteRefused).
    """
    fetched = registry.manifest(source)
    try:
        blobs = blobs_in(fetched.data)
    except ValueError as error:
        raise RemoteRefused(what=f"the manifest of {source} cannot be read") from error
    if not blobs:
        raise RemoteRefused(what=f"{source} is an index of images, not one image")
    return PushPlan(
        manifest=fetched.data,
        media_type=fetched.media_type,
        digest=fetched.digest,
        blobs=tuple(Upload(descriptor=blob, copy_from=source) for blob in blobs),
    )
