"""Having blobs in one repository: found there, mounted, or sent in parallel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.errors import RemoteRefused
from imagekit.model.image import Descriptor
from imagekit.model.reference import Reference
from imagekit.net.http import Body
from imagekit.registry.client import Registry
from imagekit.registry.metered import Meter, Metered
from imagekit.registry.remote import RemoteBody

# lambda_rules E8: more at once only fills sockets, and ECR throttles.
_THREADS = 6
_SMALL_BYTES = 1024 * 1024

Outcome = Literal["uploaded", "mounted", "skipped"]


class Upload(Struct, frozen=True, kw_only=True):
    """A blob of an image: its bytes here, or where another repository has it, or both.

    With neither it must be in the repository already.
    """

    descriptor: Descriptor
    body: Body | None = None
    copy_from: Reference | None = None
    mount_from: Reference | None = None
    """Another repository that has it, too, and may be nearer: asked along with the upload."""


class Transfer(Struct, frozen=True, kw_only=True):
    """Sends blobs to the repository of `reference`."""

    registry: Registry
    reference: Reference
    meter: Meter
    likely_new: bool = False
    """A manifest of the repository was just read, and names none of these blobs."""
    mounts: bool = True
    """Whether what the registry says of mounts is believed."""

    def run(self, uploads: Sequence[Upload]) -> dict[Digest, Outcome]:
        """Have all of them there, the largest first; the first error stops the others."""
        ordered = sorted(uploads, key=lambda one: -one.descriptor.size_bytes)
        outcomes = map(self._one, ordered) if len(ordered) < 2 else self._parallel(ordered)
        digests = (upload.descriptor.digest for upload in ordered)
        return dict(zip(digests, outcomes, strict=True))

    def _parallel(self, uploads: Sequence[Upload]) -> Iterator[Outcome]:
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

        with ThreadPoolExecutor(min(_THREADS, len(uploads))) as pool:
            futures = [pool.submit(self._one, upload) for upload in uploads]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                self.meter.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            yield from (future.result() for future in futures)

    def _one(self, upload: Upload) -> Outcome:
        digest = upload.descriptor.digest
        presence = self.registry.presence
        with presence.alone(self.reference, digest):
            if presence.knows(self.reference, digest):
                outcome: Outcome = "skipped"
            else:
                outcome = self._send(upload)
            presence.add(self.reference, digest)
        if outcome != "uploaded":
            self.meter.count(upload.descriptor.size_bytes)
        return outcome

    def _send(self, upload: Upload) -> Outcome:
        descriptor = upload.descriptor
        body, mount_from = self._body(upload), self._mount_from(upload)
        # A small blob that is most likely new is not asked for: its session is opened by asking
        # the repository to mount it from itself, which finds it if it is there after all.
        ask = body is None or not self.likely_new or descriptor.size_bytes > _SMALL_BYTES
        if ask and self.registry.has_blob(self.reference, descriptor.digest):
            return "skipped"
        if body is None:
            raise self._nowhere(upload)
        if not ask and mount_from is None:
            mount_from = self.reference.repository
        sent = self.registry.put_blob(
            self.reference,
            descriptor.digest,
            Metered(body, self.meter),
            mount_from=mount_from if self.mounts else None,
        )
        return "skipped" if sent == "mounted" and mount_from == self.reference.repository else sent

    def _body(self, upload: Upload) -> Body | None:
        source = upload.copy_from
        if upload.body is not None or source is None or source.name == self.reference.name:
            return upload.body
        return RemoteBody(self.registry, source, upload.descriptor)

    def _mount_from(self, upload: Upload) -> str | None:
        here = self.reference
        for source in (upload.copy_from, upload.mount_from):
            if source and source.registry == here.registry and source.name != here.name:
                return source.repository
        return None

    def _nowhere(self, upload: Upload) -> RemoteRefused:
        return RemoteRefused(
            what=f"{self.reference.name} no longer has the blob {upload.descriptor.digest}",
            causes=("its bytes are not on this machine either",),
            hint="build again with an empty IMAGEKIT_CACHE_DIR",
        )
