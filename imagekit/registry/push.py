"""Pushing an image with as few requests as the registry allows.

Nothing changed: one GET of the tag. Code changed: that GET, a session and an upload for each of two
blobs, the manifest. What the tag's present manifest references is in the repository, so it is not
asked for; blobs are sent in parallel, the largest first, and the manifest last (lambda_rules E11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.errors import RegistryError, TagTaken
from imagekit.model.reference import Reference
from imagekit.registry.client import Registry
from imagekit.registry.early import EarlyBlobs
from imagekit.registry.manifests import known_blobs
from imagekit.registry.metered import Meter
from imagekit.registry.platforms import FetchedManifest
from imagekit.registry.refusals import names_blob_unknown
from imagekit.registry.transfer import Outcome, Transfer, Upload

__all__ = ["PushPlan", "PushResult", "Upload", "push"]

# A code change has a new config and a new layer. For no more than that, asking whether the whole
# image is there (under another tag) costs a request and saves none.
_FEW = 2


class PushPlan(Struct, frozen=True, kw_only=True):
    """A single image, ready to go."""

    manifest: bytes
    media_type: str
    digest: Digest
    blobs: tuple[Upload, ...]
    leave_taken: bool = False
    """A tag that may not be moved stays where it is, and the image is put by its digest alone."""

    def unique(self) -> tuple[Upload, ...]:
        """Each blob once, however often the manifest names it."""
        return tuple({one.descriptor.digest: one for one in reversed(self.blobs)}.values())[::-1]


class PushResult(Struct, frozen=True, kw_only=True):
    """What it took. Bytes are those of blobs, each counted once; manifests are not in them."""

    reference: Reference
    """By digest."""
    sent_bytes: int = 0
    mounted_bytes: int = 0
    uploaded: int = 0
    mounted: int = 0
    skipped: int = 0
    taken: tuple[str, ...] = ()
    """Tags that stayed where they were."""


def push(
    registry: Registry,
    plan: PushPlan,
    reference: Reference,
    *,
    tags: tuple[str, ...] = (),
    progress: Callable[[int], None] = lambda count: None,
    early: EarlyBlobs | None = None,
) -> PushResult:
    """Have the image in the repository of `reference`, under its tag and all of `tags`.

    With no tag at all it is put by its digest alone. `progress` gets bytes as they are sent,
    mounted or found there: the sizes of `plan.unique()` in the end; a negative number where an
    upload starts over. One thread at a time calls it. `early` was given the same reference, and
    may have sent some of the blobs already. Errors: as `Registry`'s.
    """
    early = early or EarlyBlobs(registry, reference)
    wanted = tuple(dict.fromkeys((*((reference.tag,) if reference.tag else ()), *tags)))
    job = _Job(registry=registry, plan=plan, repository=reference, tags=wanted)
    meter = Meter(progress)
    current, outcomes = early.current(), early.outcomes()
    for upload in plan.unique():
        if upload.descriptor.digest in outcomes:
            meter.count(upload.descriptor.size_bytes)
    known = known_blobs(current.data) if current else frozenset()
    new = [blob for blob in plan.unique() if blob.descriptor.digest not in known]
    if job.is_there(current, new):
        job.add_tags(current)
    else:
        rest = [blob for blob in new if blob.descriptor.digest not in outcomes]
        outcomes |= job.send(rest, meter, likely_new=bool(known))
    return job.result(outcomes, meter)


class _Job(Struct, frozen=True, kw_only=True):
    registry: Registry
    plan: PushPlan
    repository: Reference
    tags: tuple[str, ...]
    taken: list[str] = field(default_factory=list)

    @property
    def here(self) -> Reference:
        return self.repository.at(self.plan.digest)

    def is_there(self, current: FetchedManifest | None, new: Sequence[Upload]) -> bool:
        """Whether the repository has the whole image, under whatever tag."""
        if current is not None and current.digest == self.plan.digest:
            return True
        if current is not None and len(new) <= _FEW:
            return False
        return self.registry.has_manifest(self.here, write=True) is not None

    def add_tags(self, current: FetchedManifest | None) -> None:
        """Put the manifest under the tags that name something else."""
        seen = {self.repository.tag: current.digest if current else None}
        for tag in self.tags:
            target = self.here.tagged(tag)
            named = seen[tag] if tag in seen else self.registry.has_manifest(target)
            if named != self.plan.digest:
                self._put(target)

    def send(
        self, new: Sequence[Upload], meter: Meter, *, likely_new: bool
    ) -> dict[Digest, Outcome]:
        """Send blobs, then the manifest; everything is asked for again if a blob is missed."""
        transfer = Transfer(
            registry=self.registry, reference=self.here, meter=meter, likely_new=likely_new
        )
        outcomes = transfer.run(new)
        try:
            self._put_all()
        except RegistryError as error:
            if not names_blob_unknown(error):
                raise
            # A mount that was none (E14), a blob that was tidied away (E12).
            self.registry.presence.forget(self.here)
            careful = replace(transfer, meter=Meter.silent(), likely_new=False, mounts=False)
            outcomes |= careful.run(self.plan.unique())
            self._put_all()
        return outcomes

    def result(self, outcomes: Mapping[Digest, Outcome], meter: Meter) -> PushResult:
        """The sums; blobs without an outcome were known to be there."""
        sizes: dict[Outcome, list[int]] = {"uploaded": [], "mounted": [], "skipped": []}
        for upload in self.plan.unique():
            digest, size = upload.descriptor.digest, upload.descriptor.size_bytes
            sizes[outcomes.get(digest, "skipped")].append(size)
            if digest not in outcomes:
                meter.count(size)
        return PushResult(
            reference=self.here,
            sent_bytes=sum(sizes["uploaded"]),
            mounted_bytes=sum(sizes["mounted"]),
            uploaded=len(sizes["uploaded"]),
            mounted=len(sizes["mounted"]),
            skipped=len(sizes["skipped"]),
            taken=tuple(self.taken),
        )

    def _put_all(self) -> None:
        for target in [self.here.tagged(tag) for tag in self.tags] or [self.here]:
            self._put(target)

    def _put(self, target: Reference) -> None:
        try:
            self.registry.put_manifest(target, self.plan.manifest, self.plan.media_type)
        except TagTaken:
            if not self.plan.leave_taken or target.tag is None:
                raise
            self.taken.append(target.tag)
            self._put(self.here)
