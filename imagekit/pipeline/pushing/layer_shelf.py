"""`layer_repository`: every package layer once, for all projects of a team (decision 4).

    not on disk ─→ asked for by fingerprint ─→ mounted from there, or streamed
    about to be pushed ─→ kept there first ─→ mounted from there, or sent

Kept before the image that has it: whatever names a layer, it is here, and an image that is already
there costs no request. Trouble with this repository costs the sharing alone: it is said, and the
build goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.check.own import RULES_VERSION
from imagekit.model.digest import Digest
from imagekit.model.ecr import RepositorySettings
from imagekit.model.errors import RegistryError, RemoteError, TagTaken
from imagekit.model.image import LayerRecord
from imagekit.model.reference import Reference
from imagekit.oci.kept import EMPTY, EMPTY_CONFIG, MEDIA_TYPE, kept_layer, kept_tag, read_kept
from imagekit.pipeline.parallel import each
from imagekit.pipeline.pushing.destination import repository_of
from imagekit.pipeline.workshop import Workshop
from imagekit.report.errors import told

if TYPE_CHECKING:
    from imagekit.registry.transfer import Upload

_THREADS = 6

LayerOrigins = dict[Digest, tuple[LayerRecord, Reference]]
"""By fingerprint: what is known of a layer, and where it lies."""


class ToKeep(Struct, frozen=True, kw_only=True):
    """A layer on its way."""

    record: LayerRecord
    upload: Upload


class LayerShelf(Struct, kw_only=True):
    """One such repository during one run. Safe to use from threads."""

    workshop: Workshop
    repository: Reference
    settings: RepositorySettings
    create: bool = False
    """Make it, if it is one of ECR's and not there."""
    _found: dict[Digest, LayerRecord | None] = field(default_factory=dict)
    _sent: dict[Digest, int] = field(default_factory=dict)
    _kept: dict[Digest, bool] = field(default_factory=dict)
    _busy: dict[Digest, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reads: bool = True
    _writes: bool | None = None
    """None: not tried yet."""

    def find(self, fingerprints: Iterable[Digest]) -> LayerOrigins:
        """Those that are kept here, each asked for once; none where the registry is in trouble."""
        wanted = tuple(dict.fromkeys(fingerprints))
        each(self._ask, [one for one in wanted if one not in self._found], _THREADS)
        found = ((one, self._found.get(one)) for one in wanted)
        return {one: (record, self.repository) for one, record in found if record}

    def keep_all(self, layers: Sequence[ToKeep]) -> dict[Digest, Upload]:
        """Have the layers here; by digest, the uploads of those that can be mounted from here."""
        total = sum(one.record.size_bytes for one in layers)
        with self.workshop.console.meter(f"keeping in {self.repository.name}", total) as meter:
            kept = each(lambda one: self.keep(one, meter), layers, _THREADS)
        return {
            one.record.digest: replace(one.upload, mount_from=self.repository)
            for one, is_kept in zip(layers, kept, strict=True)
            if is_kept
        }

    def keep(self, layer: ToKeep, progress: Callable[[int], None] = lambda count: None) -> bool:
        """Have the layer here; whether it is. `progress` gets its bytes as they are sent."""
        fingerprint = layer.record.fingerprint
        if layer.record.checks != RULES_VERSION:
            return False
        if self._found.get(fingerprint) == layer.record:
            return True
        with self._lock:
            alone = self._busy.setdefault(fingerprint, threading.Lock())
        with alone:
            if fingerprint not in self._kept:
                self._kept[fingerprint] = self._put(layer, progress)
            return self._kept[fingerprint]

    def claim_sent(self, digests: Iterable[Digest]) -> int:
        """Bytes of those of these blobs that were sent here; each is told once."""
        with self._lock:
            return sum(self._sent.pop(digest, 0) for digest in digests)

    def _ask(self, fingerprint: Digest) -> None:
        self._found[fingerprint] = self._asked(fingerprint) if self._reads else None

    def _asked(self, fingerprint: Digest) -> LayerRecord | None:
        there = self._tagged(fingerprint)
        registry = self.workshop.registry
        try:
            fetched = registry.find_manifest(there)
            if fetched is None:
                return None
            record = read_kept(fetched.data, fingerprint)
            if record.checks != RULES_VERSION:
                raise ValueError("it passed other rules than it is tagged with")
            # ECR has what a manifest names (lambda_rules E11); others may have lost it.
            if there.ecr is None and not registry.has_blob(there, record.digest):
                raise ValueError("its blob is gone")
        except ValueError as error:
            self._detail(f"{there} is not used: {error}")
            return None
        except RemoteError as error:
            self._reads = False
            self._detail(f"nothing is reused of {self.repository.name}: {error}")
            return None
        return record

    def _put(self, layer: ToKeep, progress: Callable[[int], None]) -> bool:
        there = self._tagged(layer.record.fingerprint)
        try:
            if not self._writable(there):
                return False
            self._send(layer, there, progress)
        except TagTaken as error:
            self._detail(f"{there} stays as it is: {error}")
            return False
        except RemoteError as error:
            self._refused(error)
            return False
        return True

    def _send(self, layer: ToKeep, there: Reference, progress: Callable[[int], None]) -> None:
        from imagekit.net.http import BytesBody
        from imagekit.registry.metered import Meter
        from imagekit.registry.refusals import names_blob_unknown
        from imagekit.registry.transfer import Transfer, Upload

        kept = kept_layer(layer.record)
        registry = self.workshop.registry
        if registry.has_manifest(there, write=True) == kept.digest:
            return
        config = Upload(descriptor=EMPTY_CONFIG, body=BytesBody(EMPTY))
        # Another family of media types may have the same bytes.
        own = replace(layer.upload, descriptor=kept.layer)
        transfer = Transfer(
            registry=registry, reference=there, meter=Meter(progress), likely_new=True
        )
        outcomes = transfer.run([own, config])
        try:
            registry.put_manifest(there, kept.manifest, MEDIA_TYPE)
        except RegistryError as error:
            if not names_blob_unknown(error):
                raise
            # Tidied away meanwhile (lambda_rules E12), or a mount that was none (E14).
            registry.presence.forget(there)
            careful = replace(transfer, meter=Meter.silent(), likely_new=False, mounts=False)
            outcomes |= careful.run([own, config])
            registry.put_manifest(there, kept.manifest, MEDIA_TYPE)
        if outcomes[kept.layer.digest] == "uploaded":
            with self._lock:
                self._sent[kept.layer.digest] = kept.layer.size_bytes

    def _writable(self, there: Reference) -> bool:
        """Whether layers can be kept here: looked at once, where it is a repository of ECR."""
        with self._lock:
            if self._writes is None:
                self._writes = True
                self._make_ready(there)
            return self._writes

    def _make_ready(self, there: Reference) -> None:
        from imagekit.pipeline.pushing.repositories import Repositories
        from imagekit.registry.early import EarlyBlobs

        ready = Repositories(
            workshop=self.workshop, settings=self.settings.for_layers(), create=self.create
        )
        try:
            ready.ready([EarlyBlobs(self.workshop.registry, there)])
        except RemoteError as error:
            self._refuse(error)

    def _refused(self, error: RemoteError) -> None:
        with self._lock:
            if self._writes:
                self._refuse(error)

    def _refuse(self, error: RemoteError) -> None:
        """Said once; the layers go to the image's repository, as without this one."""
        self._writes = False
        said = f"layers are not kept in {self.repository.name}"
        self.workshop.console.say(f"warning: {said}: {told(error)}")

    def _tagged(self, fingerprint: Digest) -> Reference:
        return self.repository.tagged(kept_tag(fingerprint, RULES_VERSION))

    def _detail(self, text: str) -> None:
        self.workshop.console.detail(text)


class Shelves(Struct, frozen=True, kw_only=True):
    """The layer repositories of one run, each opened once."""

    workshop: Workshop
    named: Mapping[str, str | None]
    """What the configuration says, by function."""
    settings: RepositorySettings = field(default_factory=RepositorySettings)
    create: bool = False
    _open: dict[str, LayerShelf | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, function: str) -> LayerShelf | None:
        """That of a function; None without one, and, said once, where a bare name has no home."""
        text = self.named.get(function)
        if text is None:
            return None
        with self._lock:
            if text not in self._open:
                self._open[text] = self._opened(text)
            return self._open[text]

    def claim_sent(self, digests: Sequence[Digest]) -> int:
        """Bytes of those of these blobs that were sent to any of them; each is told once."""
        return sum(one.claim_sent(digests) for one in self._open.values() if one)

    def _opened(self, text: str) -> LayerShelf | None:
        try:
            repository = repository_of(text, self.workshop.home_registry)
        except RemoteError as error:
            self.workshop.console.say(f"warning: layers are not kept in {text}: {told(error)}")
            return None
        return LayerShelf(
            workshop=self.workshop,
            repository=repository,
            settings=self.settings,
            create=self.create,
        )
