"""The client: manifests, blobs, and registries that lie or break off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.model.errors import HttpError, RegistryError, RemoteMismatch, RemoteRefused
from imagekit.model.image import INDEXES, MANIFEST, Descriptor
from imagekit.model.reference import Reference
from imagekit.net.http import BytesBody, Request, Response
from imagekit.registry.client import Registry
from imagekit.registry.copy import copy_plan
from imagekit.registry.credentials import Credentials
from imagekit.registry.push import push
from imagekit.store import Store
from tests.registry.fault_registry import Fault, FaultRegistry, Rules, sha256
from tests.registry.kit import TYPE, client, descriptor, image, upload

DATA = b"some blob" * 1000


def ref(server: FaultRegistry, tag: str | None = "latest") -> Reference:
    return Reference(registry=server.host, repository="team/app", tag=tag)


def test_manifest_by_tag_names_its_own_bytes() -> None:
    """The body is hashed here: ECR's header may speak of what it stores (lambda_rules E18)."""
    with FaultRegistry() as server, client() as registry:
        server.hold_manifest("team/app", "latest", TYPE, b'{"a": 1}')
        server.fault(Fault(method="GET", path="/manifests/", digest=sha256(b"stored otherwise")))
        found = registry.manifest(ref(server))

        assert (found.data, found.media_type) == (b'{"a": 1}', TYPE)
        assert found.digest == Digest.of(b'{"a": 1}')
        accepted = server.seen[0].headers["accept"]
        assert all(kind in accepted for kind in (*MANIFEST.values(), *INDEXES))


def test_manifest_by_digest_with_other_bytes_is_refused() -> None:
    """A registry that lies about a manifest is found out."""
    with FaultRegistry() as server, client() as registry:
        digest = Digest.parse(server.hold_manifest("team/app", "latest", TYPE, b'{"a": 1}'))
        server.fault(Fault(method="GET", path="/manifests/", body=b'{"a": 2}'))
        with pytest.raises(RemoteMismatch) as lie:
            registry.manifest(ref(server).at(digest))

    assert lie.value.expected == str(digest)
    assert lie.value.exit_code == 3, "the other side's fault, not the build's"


def test_head_that_names_another_digest_is_refused() -> None:
    """The same lie told to a HEAD."""
    with FaultRegistry() as server, client() as registry:
        digest = Digest.parse(server.hold_manifest("team/app", "latest", TYPE, b"{}"))
        server.fault(Fault(method="HEAD", path="/manifests/", digest=sha256(b"x")))
        with pytest.raises(RemoteMismatch):
            registry.has_manifest(ref(server).at(digest))


def test_absent_manifest_is_404_or_none() -> None:
    """`manifest` says what the registry said; the others say that there is none."""
    with FaultRegistry() as server, client() as registry:
        with pytest.raises(RegistryError) as refused:
            registry.manifest(ref(server))

        assert (refused.value.status, refused.value.codes) == (404, ("MANIFEST_UNKNOWN",))
        assert registry.find_manifest(ref(server)) is None
        assert registry.has_manifest(ref(server)) is None


def test_registry_without_digest_headers_is_asked_for_the_manifest() -> None:
    """The header is optional in distribution-spec."""
    with FaultRegistry(Rules(says_digests=False)) as server, client() as registry:
        server.hold_manifest("team/app", "latest", TYPE, b"{}")

        assert registry.has_manifest(ref(server)) == Digest.of(b"{}")


def test_endless_manifest_is_not_read() -> None:
    """More than 4 MiB is no manifest."""
    with FaultRegistry() as server, client() as registry:
        server.hold_manifest("team/app", "latest", TYPE, b" " * (4 * 1024 * 1024 + 1))
        with pytest.raises(RemoteRefused, match="over 4 MiB"):
            registry.manifest(ref(server))


def test_blob_lands_in_the_store(tmp_path: Path) -> None:
    """Pulled, verified, and not asked for again."""
    store = Store(tmp_path)
    with FaultRegistry() as server, client() as registry:
        server.hold("team/app", DATA)
        registry.pull_blob(ref(server), descriptor(DATA), store)
        registry.pull_blob(ref(server), descriptor(DATA), store)

        assert store.blob_path(Digest.of(DATA)).read_bytes() == DATA
        assert len(server.seen) == 1


def test_redirected_blob_gets_no_authorization(tmp_path: Path) -> None:
    """Storage hosts refuse our credentials, and must not learn them."""
    store = Store(tmp_path)
    with FaultRegistry(Rules(redirects_blobs=True, tokens=True)) as server, client() as registry:
        server.hold("team/app", DATA)
        registry.pull_blob(ref(server), descriptor(DATA), store)

        assert store.has_blob(Digest.of(DATA))
        assert "authorization" in server.saw("GET", "/blobs/")[-1].headers
        assert [one.status for one in server.storage_seen] == [200]


def test_blob_that_breaks_off_is_pulled_again(tmp_path: Path) -> None:
    """Half a body is no blob."""
    store = Store(tmp_path)
    with FaultRegistry() as server, client() as registry:
        server.hold("team/app", DATA)
        server.fault(Fault(method="GET", path="/blobs/", hang_up="halfway"))
        registry.pull_blob(ref(server), descriptor(DATA), store)

        assert store.blob_path(Digest.of(DATA)).read_bytes() == DATA


def test_wrong_blob_stays_out_of_the_store(tmp_path: Path) -> None:
    """Other bytes of the same size are thrown away."""
    store = Store(tmp_path)
    with FaultRegistry() as server, client() as registry:
        server.hold("team/app", DATA)
        server.fault(Fault(method="GET", path="/blobs/", body=DATA[:-1] + b"X"))
        with pytest.raises(RemoteMismatch):
            registry.pull_blob(ref(server), descriptor(DATA), store)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class Endless:
    """A registry whose every blob goes on for ever."""

    def __init__(self) -> None:
        self.given = 0

    def send(self, request: Request) -> Response:
        return Response(status=200, headers={}, url=request.url, stream=self)

    def read(self, amount: int | None = None) -> bytes:
        assert self.given < 10_000_000, "reads on and on"
        self.given += amount or 0
        return bytes(amount or 0)

    def close(self) -> None:
        """Nothing to give back."""


def test_blob_larger_than_it_says_is_not_read_to_its_end(tmp_path: Path) -> None:
    """A size that lies cannot fill the disk."""
    credentials = Credentials({}, home=tmp_path / "home")
    registry = Registry(Endless(), credentials, endpoints={}, sleep=lambda seconds: None)
    reference = Reference(registry="r.example", repository="team/app")
    with pytest.raises(RemoteMismatch):
        registry.pull_blob(reference, descriptor(DATA), Store(tmp_path / "store"))

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_mount_says_whether_it_did() -> None:
    """201 is yes, 202 is no (lambda_rules E14: only what a manifest references)."""
    with FaultRegistry(Rules(mounts="referenced")) as server, client() as registry:
        digest = Digest.parse(server.hold("base", DATA))

        assert not registry.mount(ref(server), digest, "base")
        server.hold_manifest("base", "latest", TYPE, image([upload(DATA)]).manifest)
        assert registry.mount(ref(server), digest, "base")
        assert registry.has_blob(ref(server), digest)


def test_wrong_digest_is_refused_by_the_registry() -> None:
    """The registry's own code is kept in the error."""
    with FaultRegistry() as server, client() as registry:
        with pytest.raises(RegistryError) as refused:
            registry.put_blob(ref(server), Digest.of(b"other"), BytesBody(DATA))

        assert refused.value.codes == ("DIGEST_INVALID",)


def test_lost_session_is_replaced() -> None:
    """A session that the registry forgot is no reason to fail (lambda_rules E5)."""
    lost = b'{"errors": [{"code": "BLOB_UPLOAD_UNKNOWN", "message": "gone"}]}'
    with FaultRegistry() as server, client() as registry:
        server.fault(Fault(method="PUT", path="/uploads/", status=404, body=lost))
        registry.put_blob(ref(server), Digest.of(DATA), BytesBody(DATA))

        assert len(server.saw("POST")) == 2


def test_session_elsewhere_comes_back_to_the_endpoint() -> None:
    """A registry that names itself, or plain http, in `Location` is reached the way that worked."""
    with FaultRegistry() as server:
        host = "registry.example.com"
        place = {"Location": f"http://{host}/v2/team/app/blobs/uploads/s0"}
        server.fault(Fault(method="POST", status=202, headers=place))
        with client(endpoints={host: f"http://{server.host}"}) as registry:
            target = Reference(registry=host, repository="team/app")
            with pytest.raises(RegistryError) as refused:
                # The made-up session is unknown, and so are the next ones: no other host is asked.
                server.fault(Fault(method="PUT", status=400, times=9))
                registry.put_blob(target, Digest.of(DATA), BytesBody(DATA))

        assert refused.value.status == 400
        assert server.saw("PUT", "/uploads/s0")


def test_equal_manifest_under_an_immutable_tag_is_success() -> None:
    """lambda_rules E17: ECR's ImageAlreadyExists is what was wanted."""
    plan = image([upload(DATA)])
    taken = b'{"errors": [{"code": "ImageAlreadyExistsException", "message": "already exists"}]}'
    with FaultRegistry() as server, client() as registry:
        push(registry, plan, ref(server))
        server.fault(Fault(method="PUT", path="/manifests/", status=409, body=taken))

        assert registry.put_manifest(ref(server), plan.manifest, TYPE) == plan.digest


def index(*platforms: tuple[str, str]) -> bytes:
    """An index with a child, made up, for each platform."""
    entries = [
        {
            "mediaType": TYPE,
            "digest": sha256(child_of(architecture)),
            "size": 1,
            "platform": {"os": os, "architecture": architecture},
        }
        for os, architecture in platforms
    ]
    return json.dumps({"schemaVersion": 2, "manifests": entries}).encode()


def child_of(architecture: str) -> bytes:
    return json.dumps({"for": architecture}).encode()


@pytest.mark.parametrize("media_type", INDEXES)
def test_index_gives_the_architecture_asked_for(media_type: str) -> None:
    """OCI index or Docker manifest list: the reference that comes back is by digest."""
    with FaultRegistry() as server, client() as registry:
        data = index(("unknown", "unknown"), ("linux", "amd64"), ("linux", "arm64"))
        server.hold_manifest("team/app", "latest", media_type, data)
        server.hold_manifest("team/app", "child", TYPE, child_of("arm64"))
        found, fetched = registry.resolve(ref(server), "arm64")

        assert fetched.data == child_of("arm64")
        assert found == ref(server).at(Digest.of(child_of("arm64")))


def test_missing_architecture_names_those_there_are() -> None:
    """Attestations are no platform."""
    with FaultRegistry() as server, client() as registry:
        data = index(("linux", "amd64"), ("unknown", "unknown"), ("windows", "amd64"))
        server.hold_manifest("team/app", "latest", INDEXES[0], data)
        with pytest.raises(RemoteRefused) as refused:
            registry.resolve(ref(server), "arm64")

    assert refused.value.causes == ("there is linux/amd64, windows/amd64",)
    assert refused.value.hint


def test_single_image_resolves_to_itself() -> None:
    """A manifest that is no index is taken as it is."""
    with FaultRegistry() as server, client() as registry:
        server.hold_manifest("team/app", "latest", MANIFEST["docker"], b"{}")
        found, fetched = registry.resolve(ref(server), "arm64")

        assert found.digest == fetched.digest == Digest.of(b"{}")


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", b"{}"),
        (INDEXES[0], b"<html>"),
        (INDEXES[0], b'{"manifests": [1]}'),
        (INDEXES[0], b'{"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]}'),
    ],
)
def test_what_is_no_image_is_refused(media_type: str, data: bytes) -> None:
    """Schema 1, a page of HTML, an index without digests: an error, no crash."""
    with FaultRegistry() as server, client() as registry:
        server.hold_manifest("team/app", "latest", media_type, data)
        with pytest.raises(RemoteRefused):
            registry.resolve(ref(server), "arm64")


def test_image_is_copied_byte_for_byte() -> None:
    """From one registry to another: the same digest, nothing on disk."""
    plan = image([upload(DATA), upload(b"more")])
    with FaultRegistry() as source, FaultRegistry() as server, client() as registry:
        push(registry, plan, ref(source))
        result = push(registry, copy_plan(registry, ref(source)), ref(server))

        assert result.reference == ref(server).at(plan.digest)
        assert server.blobs["team/app"] == source.blobs["team/app"]


@pytest.mark.parametrize("data", [b'{"manifests": []}', b"no JSON", b'{"layers": [{}]}'])
def test_only_an_image_is_copied(data: bytes) -> None:
    """An index, or nonsense, is refused before anything is sent."""
    with FaultRegistry() as server, client() as registry:
        server.hold_manifest("team/app", "latest", TYPE, data)
        with pytest.raises(RemoteRefused):
            copy_plan(registry, ref(server))


def test_error_keeps_no_secret_of_the_url() -> None:
    """Sessions and signatures do not reach a log."""
    with FaultRegistry() as server, client() as registry:
        server.fault(Fault(method="PUT", path="/uploads/", status=413))
        with pytest.raises(HttpError) as refused:
            registry.put_blob(ref(server), Digest.of(DATA), BytesBody(DATA))

    assert "secret" not in refused.value.url
    assert "_state=***" in refused.value.url


def test_empty_blob_streams() -> None:
    """A blob of no bytes is a blob."""
    empty = Descriptor(media_type="x", digest=Digest.of(b""), size_bytes=0)
    with FaultRegistry() as server, client() as registry:
        registry.put_blob(ref(server), empty.digest, BytesBody(b""))
        with registry.open_blob(ref(server), empty.digest) as response:
            assert response.read() == b""
