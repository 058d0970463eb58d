"""An image on its way to a registry: where to, what leaves early, where each blob comes from."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.errors import RemoteError
from imagekit.model.image import CONFIG, LAYER, Descriptor, LayerRecord, NewBlob, NewLayer
from imagekit.net.http import Body, BytesBody, FileBody
from imagekit.oci.image import Image, ImageLayer
from imagekit.pipeline.pushing.destination import Destination
from imagekit.pipeline.pushing.layer_shelf import Shelves, ToKeep
from imagekit.pipeline.pushing.repositories import refuse_moving
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.registry.early import EarlyBlobs
from imagekit.registry.looks import Looks
from imagekit.registry.manifests import known_blobs
from imagekit.registry.push import PushPlan, PushResult, Upload, push


class Way(Struct, frozen=True, kw_only=True):
    """One image's way into its repository."""

    workshop: Workshop
    plan: BuildPlan
    to: Destination
    early: EarlyBlobs
    looks: Looks
    shelves: Shelves | None = None
    """Where package layers are kept first, if anywhere."""

    @classmethod
    def open(
        cls,
        workshop: Workshop,
        plan: BuildPlan,
        to: Destination,
        *,
        looks: Looks | None = None,
        shelves: Shelves | None = None,
    ) -> Way:
        """Nothing is sent yet. `looks` is what was seen of the repository's tags by now."""
        looks = looks or Looks(workshop.registry)
        early = EarlyBlobs(workshop.registry, to.first, looks)
        return cls(workshop=workshop, plan=plan, to=to, early=early, looks=looks, shelves=shelves)

    def send_ahead(self, layer: NewLayer) -> None:
        """A layer was made: send it, if the image has it, while others are still being made.

        From memory only where it leaves at once: what waits for others waits on disk, and what is
        kept in a layer repository first goes there with its record.
        """
        ours = any(one.fingerprint == layer.fingerprint for one in self.plan.layers)
        if self.plan.base is None or not ours:
            return
        media_type = LAYER[self.plan.base.family]
        if isinstance(layer, NewBlob):
            if self.shelves is None and not self.early.busy:
                self.early.send(_from(media_type, layer.digest, BytesBody(layer.data)))
        else:
            body = FileBody(self.workshop.store.blob_path(layer.digest))
            self.early.send(
                _from(media_type, layer.digest, body),
                lambda upload: self._nearer(ToKeep(record=layer, upload=upload)),
            )

    def push(self, image: Image, records: Iterable[LayerRecord] = ()) -> PushResult:
        """Have the image in the repository under every tag; raises what `registry.push` raises.

        `records` are those of its layers that are imagekit's own.
        """
        plan = replace(push_plan(image), leave_taken=self.to.moving)
        self._refuse_moving(image)
        plan = self._kept_first(plan, records)
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
        return self._counted(result, plan)

    def _nearer(self, layer: ToKeep) -> Upload:
        return self._kept([layer]).get(layer.record.digest, layer.upload)

    def _kept_first(self, plan: PushPlan, records: Iterable[LayerRecord]) -> PushPlan:
        """Have the layers that are new here in the layer repository, and mount them from there."""
        uploads = {upload.descriptor.digest: upload for upload in plan.blobs}
        nearer = self._kept(
            ToKeep(record=record, upload=uploads[record.digest]) for record in records
        )
        blobs = (nearer.get(upload.descriptor.digest, upload) for upload in plan.blobs)
        return replace(plan, blobs=tuple(blobs))

    def _kept(self, layers: Iterable[ToKeep]) -> dict[Digest, Upload]:
        """Uploads of those of the layers that the layer repository has now, by digest."""
        if self.shelves is None:
            return {}
        ours = {one.fingerprint for one in self.plan.layers if one.kind != "source"}
        wanted = [one for one in layers if one.record.fingerprint in ours]
        known = self.known() if wanted else frozenset()
        new = [one for one in wanted if one.record.digest not in known]
        shelf = self.shelves.of(self.plan.function) if new else None
        return shelf.keep_all(new) if shelf else {}

    def known(self) -> frozenset[Digest]:
        """What the repository has for sure: an image there names it.

        Under a new tag that is the newest one, which saves asking for every blob, too.
        """
        if (current := self.early.current()) is not None:
            return known_blobs(current.data)
        if self.to.newest is None or self.to.newest in self.to.tags:
            return frozenset()
        newest = self.looks.at(self.to.repository.tagged(self.to.newest)).manifest
        known = known_blobs(newest.data) if newest else frozenset()
        for digest in known:
            self.workshop.registry.presence.add(self.to.repository, digest)
        return known

    def _counted(self, result: PushResult, plan: PushPlan) -> PushResult:
        """With what was sent to the layer repository, and was then mounted or sent again."""
        if self.shelves is None:
            return result
        sent = self.shelves.claim_sent([upload.descriptor.digest for upload in plan.blobs])
        return replace(
            result,
            sent_bytes=result.sent_bytes + sent,
            mounted_bytes=max(0, result.mounted_bytes - sent),
        )

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


def _from(media_type: str, digest: Digest, body: Body) -> Upload:
    descriptor = Descriptor(media_type=media_type, digest=digest, size_bytes=body.size_bytes)
    return Upload(descriptor=descriptor, body=body)


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
