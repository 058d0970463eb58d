"""An image to a registry: what the push needs of it, and where each blob comes from."""

from __future__ import annotations

from imagekit.model.image import CONFIG, Descriptor
from imagekit.net.http import BytesBody, FileBody
from imagekit.oci.image import Image, ImageLayer
from imagekit.pipeline.destination import Destination
from imagekit.pipeline.workshop import Workshop
from imagekit.registry.push import PushPlan, PushResult, Upload, push


def push_image(workshop: Workshop, image: Image, to: Destination) -> PushResult:
    """Have the image in the repository under every tag; raises what `push` raises."""
    plan = push_plan(image)
    total = sum(upload.descriptor.size_bytes for upload in plan.blobs)
    with workshop.console.meter(f"pushing to {to.repository.name}", total) as meter:
        return push(workshop.registry, plan, to.first, tags=to.tags[1:], progress=meter)


def push_plan(image: Image) -> PushPlan:
    """Each layer from this disk or from where its base lies; the config last."""
    family = "docker" if "docker" in image.media_type else "oci"
    config = Descriptor(
        media_type=CONFIG["docker" if family == "docker" else "oci"],
        digest=image.config_digest,
        size_bytes=len(image.config),
    )
    return PushPlan(
        manifest=image.manifest,
        media_type=image.media_type,
        digest=image.digest,
        blobs=(
            *(_upload(layer) for layer in image.layers),
            Upload(descriptor=config, body=BytesBody(image.config)),
        ),
    )


def _upload(layer: ImageLayer) -> Upload:
    body = FileBody(layer.path) if layer.path is not None and layer.here else None
    return Upload(descriptor=layer.descriptor, body=body, copy_from=layer.origin)
