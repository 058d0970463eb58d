"""What a tag names is asked for once; a nearer repository is asked along with an upload."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from imagekit.model.errors import RegistryError
from imagekit.model.reference import Reference
from imagekit.registry.early import EarlyBlobs
from imagekit.registry.looks import Looks
from imagekit.registry.push import push
from tests.registry.fault_registry import Fault, FaultRegistry
from tests.registry.kit import client, image, upload

BIG = b"big" * 1_000_000


def ref(server: FaultRegistry, name: str = "team/app") -> Reference:
    return Reference(registry=server.host, repository=name, tag="latest")


def test_one_request_whoever_asks() -> None:
    """The layer cache and the push, from several threads; what is not there is known, too."""
    plan = image([upload(BIG)])
    with FaultRegistry() as server, client() as registry:
        push(registry, plan, ref(server))
        server.forget()
        looks = Looks(registry)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: looks.at(ref(server)).manifest, range(16)))
        early = EarlyBlobs(registry, ref(server), looks)
        result = push(registry, plan, ref(server), early=early)
        assert looks.at(ref(server, "team/none")).manifest is None
        assert looks.at(ref(server, "team/none")).manifest is None

        assert {one.digest for one in found if one} == {plan.digest}
        assert result.sent_bytes == 0
        assert [(one.method, one.status) for one in server.seen] == [("GET", 200), ("GET", 404)]


def test_trouble_is_not_remembered() -> None:
    """Who asks later may be luckier."""
    with FaultRegistry() as server, client() as registry:
        looks = Looks(registry)
        server.fault(Fault(method="GET", path="/manifests/", status=403, times=1))
        with pytest.raises(RegistryError):
            looks.at(ref(server))

        assert looks.at(ref(server)).manifest is None


@pytest.mark.parametrize("there", [True, False])
def test_a_nearer_repository_is_asked_with_the_upload(there: bool) -> None:
    """Mounted from there where it has the blob; else its bytes are sent, with no request more."""
    near = upload(BIG)
    with FaultRegistry() as server, client() as registry:
        if there:
            push(registry, image([near]), ref(server, "team/layers"))
        server.forget()
        nearer = replace(near, mount_from=ref(server, "team/layers"))
        result = push(registry, image([nearer]), ref(server))

        assert (result.mounted, result.uploaded) == ((1, 1) if there else (0, 2))
        posts = [one for one in server.seen if one.method == "POST"]
        assert len(posts) == 2, "one for the layer, one for the config"
        assert any("from=team/layers" in one.path for one in posts)


def test_another_registry_is_no_nearer() -> None:
    """Blobs are mounted within one registry alone."""
    far = Reference(registry="far.example", repository="team/layers")
    with FaultRegistry() as server, client() as registry:
        push(registry, image([replace(upload(BIG), mount_from=far)]), ref(server))

        assert not any("far.example" in one.path or "mount" in one.path for one in server.seen)
