"""The distribution protocol, as far as images need it (opencontainers/distribution-spec v1.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from imagekit.model.digest import Digest
from imagekit.model.errors import RegistryError, RemoteMismatch, RemoteRefused
from imagekit.model.image import INDEXES, MANIFEST, Descriptor
from imagekit.model.reference import Reference
from imagekit.net.http import Body, BytesBody, Response, Transport
from imagekit.net.retry import with_retries
from imagekit.registry import uploads
from imagekit.registry.credentials import Credentials
from imagekit.registry.endpoints import endpoints
from imagekit.registry.platforms import ACCEPT, FetchedManifest, choose, media_type_of
from imagekit.registry.presence import Presence
from imagekit.registry.refusals import tag_is_taken, tag_taken
from imagekit.registry.tags import list_tags
from imagekit.registry.wire import Call, Wire

if TYPE_CHECKING:
    from imagekit.store import Store

__all__ = ["FetchedManifest", "Registry", "endpoints"]

T = TypeVar("T")

# distribution-spec, "Pushing manifests": registries take 4 MiB at least; no more is read.
_MANIFEST_BYTES = 4 * 1024 * 1024


class Registry:
    """Any registry, named by the references that it is given; safe to share between threads.

    Errors of all methods: HttpError (RegistryError where the registry said why), with `temporary`
    ones tried again first; RemoteRefused; RemoteMismatch where a registry lies.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        *,
        endpoints: Mapping[str, str],
        sleep: Callable[[float], None],
    ) -> None:
        self._wire = Wire(transport, credentials, endpoints)
        self._sleep = sleep
        self.presence = Presence()

    def manifest(self, reference: Reference, *, write: bool = False) -> FetchedManifest:
        """The manifest or index that `reference` names; 404 where there is none.

        By digest the bytes must have it. By tag they name themselves: ECR may translate what it
        stores, whatever its headers say (lambda_rules E18). With `write` the token that is
        fetched for this call allows pushing too, so that a push needs no second one.
        """
        return self._retried(lambda: self._manifest(reference, write))

    def find_manifest(self, reference: Reference, *, write: bool = False) -> FetchedManifest | None:
        """As `manifest`, None where there is none."""
        try:
            return self.manifest(reference, write=write)
        except RegistryError as error:
            if error.status == 404:
                return None
            raise

    def has_manifest(self, reference: Reference, *, write: bool = False) -> Digest | None:
        """The digest of what `reference` names, None where there is nothing. One HEAD."""
        call = Call(
            method="HEAD",
            reference=reference,
            path=f"/manifests/{_name(reference)}",
            headers={"Accept": ACCEPT},
            write=write,
        )
        with self._retried(lambda: self._wire.expect(call, 200, 404)) as response:
            if response.status == 404:
                return None
            said = _digest(response)
        if said is None:
            # The header is optional by the spec.
            return self.manifest(reference, write=write).digest
        _same(f"the manifest {reference}", reference.digest or said, said)
        return said

    def resolve(self, reference: Reference, architecture: str) -> tuple[Reference, FetchedManifest]:
        """The single-image manifest for linux and `architecture` (`amd64`, `arm64`), by digest.

        A manifest that is no index is taken as it is: what it is for stands in its config.
        """
        fetched = self.manifest(reference)
        if fetched.media_type in INDEXES:
            chosen = choose(fetched, architecture, reference)
            fetched = self.manifest(reference.at(chosen))
        if fetched.media_type not in MANIFEST.values():
            raise RemoteRefused(
                what=f"{reference} is no image: its manifest is {fetched.media_type or 'untyped'}"
            )
        return reference.at(fetched.digest), fetched

    def tags(self, reference: Reference) -> tuple[str, ...]:
        """Every tag in the repository, in the registry's order; 404 where there is none."""
        return self._retried(lambda: list_tags(self._wire, reference))

    def has_blob(self, reference: Reference, digest: Digest) -> bool:
        """Whether the repository has the blob. One HEAD."""
        call = Call(method="HEAD", reference=reference, path=f"/blobs/{digest}")
        with self._retried(lambda: self._wire.expect(call, 200, 404)) as response:
            return response.status == 200

    def open_blob(self, reference: Reference, digest: Digest) -> Response:
        """The blob's bytes as they come, not yet verified; the caller closes the answer."""
        return self._retried(lambda: self._wire.expect(_get_blob(reference, digest), 200))

    def pull_blob(self, reference: Reference, descriptor: Descriptor, store: Store) -> None:
        """Have the blob in `store`, verified; nothing is asked if it is there."""
        if not store.has_blob(descriptor.digest, descriptor.size_bytes):
            self._retried(lambda: self._pull(reference, descriptor, store))

    def mount(self, reference: Reference, digest: Digest, from_repository: str) -> bool:
        """Take the blob over from another repository there; False where it must be sent."""
        session = self._retried(
            lambda: uploads.begin(self._wire, reference, digest, from_repository)
        )
        return session is None

    def put_blob(
        self, reference: Reference, digest: Digest, body: Body, *, mount_from: str | None = None
    ) -> uploads.Sent:
        """Have the blob in the repository: mounted from `mount_from` if that works, else sent."""
        return uploads.send(
            self._wire,
            reference,
            uploads.Blob(digest=digest, body=body, mount_from=mount_from),
            present=lambda: self.has_blob(reference, digest),
            sleep=self._sleep,
        )

    def put_manifest(self, reference: Reference, data: bytes, media_type: str) -> Digest:
        """Put the manifest under the reference's tag, else under its digest, which is given back.

        TagTaken where the tag is immutable and names another image (lambda_rules E16); that
        it names this one already is success (E17).
        """
        digest = Digest.of(data)
        _same(f"the manifest for {reference}", reference.digest or digest, digest)
        target = reference if reference.tag else reference.at(digest)
        call = Call(
            method="PUT",
            reference=target,
            path=f"/manifests/{target.tag or digest}",
            headers={"Content-Type": media_type},
            body=BytesBody(data),
            write=True,
        )
        try:
            with self._retried(lambda: self._wire.expect(call, 200, 201, 202)) as response:
                said = _digest(response)
        except RegistryError as error:
            if not tag_is_taken(error):
                raise
            said = self._taken(target, digest, error)
        _same(f"what {target.registry} says of the manifest", digest, said or digest)
        return digest

    def _retried(self, operation: Callable[[], T]) -> T:
        return with_retries(operation, sleep=self._sleep)

    def _manifest(self, reference: Reference, write: bool) -> FetchedManifest:
        call = Call(
            method="GET",
            reference=reference,
            path=f"/manifests/{_name(reference)}",
            headers={"Accept": ACCEPT},
            write=write,
        )
        with self._wire.expect(call, 200) as response:
            data = response.read(_MANIFEST_BYTES + 1)
            content_type = response.headers.get("content-type", "")
        if len(data) > _MANIFEST_BYTES:
            raise RemoteRefused(what=f"the manifest of {reference} is over 4 MiB")
        digest = Digest.of(data)
        _same(f"the manifest {reference}", reference.digest or digest, digest)
        return FetchedManifest(
            data=data, media_type=media_type_of(content_type, data), digest=digest
        )

    def _pull(self, reference: Reference, descriptor: Descriptor, store: Store) -> None:
        with (
            self._wire.expect(_get_blob(reference, descriptor.digest), 200) as response,
            store.writer(descriptor.digest) as writer,
        ):
            for chunk in response.chunks():
                writer.write(chunk)
                if writer.size_bytes > descriptor.size_bytes:
                    break
        _same(f"the blob {reference.at(descriptor.digest)}", descriptor.digest, writer.digest)

    def _taken(self, target: Reference, digest: Digest, error: RegistryError) -> Digest:
        if self.has_manifest(target) == digest:
            return digest
        raise tag_taken(target, error.diagnostics) from error


def _get_blob(reference: Reference, digest: Digest) -> Call:
    return Call(method="GET", reference=reference, path=f"/blobs/{digest}")


def _name(reference: Reference) -> str:
    return str(reference.digest or reference.tag or "latest")


def _digest(response: Response) -> Digest | None:
    try:
        return Digest.parse(response.headers.get("docker-content-digest", ""))
    except ValueError:
        return None


def _same(what: str, expected: Digest, actual: Digest) -> None:
    if expected != actual:
        raise RemoteMismatch(what=what, expected=str(expected), actual=str(actual))
