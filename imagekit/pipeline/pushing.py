"""An image on its way to a registry: where to, what leaves early, where each blob comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace

from imagekit.model.errors import RemoteError
from imagekit.model.image import CONFIG, LAYER, Descriptor, LayerRecord
from imagekit.net.http import BytesBody, FileBody
from imagekit.oci.image import Image, ImageLayer
from imagekit.pipeline.destination import Destination
from imagekit.pipeline.repositories import refuse_moving
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.registry.early import EarlyBlobs
from imagekit.registry.push import PushPlan, PushResult, Upload, push


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One image's way into its repository."""

    workshop: Workshop
    plan: BuildPlan
    to: Destination
    early: EarlyBlobs

    @classmethod
    def open(cls, workshop: Workshop, plan: BuildPlan, to: Destination) -> Way:
        """Nothing is sent yet."""
        early = EarlyBlobs(workshop.registry, to.first)
        return cls(workshop=workshop, plan=plan, to=to, early=early)

    def send_ahead(self, record: LayerRecord) -> None:
        """A layer was made: send it, if the image has it, while others are still being made."""
        if self.plan.base and any(
            one.fingerprint == record.fingerprint for one in self.plan.layers
        ):
            descriptor = Descriptor(
                media_type=LAYER[self.plan.base.family],
                digest=record.digest,
                size_bytes=record.size_bytes,
            )
            body = FileBody(self.workshop.store.blob_path(record.digest))
            self.early.send(Upload(descriptor=descriptor, body=body))

    def push(self, image: Image) -> PushResult:
        """Have the image in the repository under every tag; raises what `registry.push` raises."""
        plan = replace(push_plan(image), leave_taken=self.to.moving)
        self._refuse_moving(image)
        total = sum(upload.descriptor.size_bytes for upload in plan.blobs)
        with self.workshop.console.meter(f"pushing to {self.to.repository.name}", total) as meter:
            result = push(
                self.workshop.registry,
                plan,
                self.to.first,
                tags=self.to.tags[1:],
                progress=meter,
                early=self.early,
            )
        if result.taken:
            name, tag = self.to.repository.name, result.taken[0]
            self.workshop.console.say(f"{name} keeps {tag} where it is: pushed by digest alone")
        if result.uploaded:
            self._move(plan)
        return result

    def _move(self, plan: PushPlan) -> None:
        """Let imagekit's own tag name this image, too: an empty disk finds its layers there."""
        if self.to.newest is None or self.to.newest in self.to.tags:
            return
        try:
            newest = self.to.repository.tagged(self.to.newest)
            self.workshop.registry.put_manifest(newest, plan.manifest, plan.media_type)
        except RemoteError as error:
            # An immutable tag is the usual reason; the push itself is done.
            self.workshop.console.detail(f"{self.to.newest} stays where it is: {error}")

    def _refuse_moving(self, image: Image) -> None:
        current = self.early.current()
        if current is not None and current.digest != image.digest and not self.to.moving:
            refuse_moving(self.to.first, self.workshop.environ)


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
    body = layer.place if layer.here else None
    return Upload(descriptor=layer.descriptor, body=body, copy_from=layer.origin)
