"""Blobs that leave before their image is whole."""

from __future__ import annotations

import pytest

from imagekit.model.errors import RegistryError
from imagekit.model.reference import Reference
from imagekit.registry.early import EarlyBlobs
from imagekit.registry.push import push
from tests.registry.fault_registry import Fault, FaultRegistry
from tests.registry.kit import client, image, upload

BASE, CODE, BIG = b"base" * 50, b"code" * 60, b"big" * 1_000_000


def ref(server: FaultRegistry) -> Reference:
    return Reference(registry=server.host, repository="team/app", tag="latest")


def test_what_left_early_is_sent_once_and_counted_once() -> None:
    """The push sends the rest; its sums and its progress are those of the whole image."""
    plan = image([upload(BASE), upload(BIG), upload(CODE)])
    counted: list[int] = []
    with FaultRegistry() as server, client() as registry:
        early = EarlyBlobs(registry, ref(server))
        early.send(upload(BIG))
        early.send(upload(BIG))
        early.send(upload(BASE))
        early.outcomes()
        assert "latest" not in server.manifests.get("team/app", {})
        result = push(registry, plan, ref(server), early=early, progress=counted.append)

        sessions = [one for one in server.seen if one.method == "POST"]
        tags = [one for one in server.seen if one.method == "GET" and "/manifests/" in one.path]
        assert (len(sessions), len(tags)) == (4, 1)
        assert (result.uploaded, result.skipped) == (4, 0)
        total = sum(one.descriptor.size_bytes for one in plan.blobs)
        assert result.sent_bytes == sum(counted) == total
        assert server.manifests["team/app"]["latest"] == (plan.media_type, plan.manifest)


def test_what_the_tag_references_does_not_leave() -> None:
    """A layer that an empty store had to make again is in the repository already."""
    plan = image([upload(BASE), upload(BIG)])
    with FaultRegistry() as server, client() as registry:
        push(registry, plan, ref(server))
    with FaultRegistry() as again, client() as registry:
        again.blobs.update(server.blobs)
        again.manifests.update(server.manifests)
        early = EarlyBlobs(registry, ref(again))
        early.send(upload(BIG))
        result = push(registry, plan, ref(again), early=early)

        assert [one.method for one in again.seen] == ["GET"]
        assert (result.sent_bytes, result.skipped) == (0, 3)


def test_what_the_registry_refuses_early_is_what_the_push_raises() -> None:
    """An error in the background is not lost, and no manifest follows it."""
    with FaultRegistry() as server, client() as registry:
        server.fault(Fault(method="POST", path="/blobs/uploads/", times=99, status=403))
        early = EarlyBlobs(registry, ref(server))
        early.send(upload(BIG))
        with pytest.raises(RegistryError) as raised:
            push(registry, image([upload(BIG), upload(CODE)]), ref(server), early=early)

        assert raised.value.status == 403
        assert not [one for one in server.seen if one.method == "PUT"]
