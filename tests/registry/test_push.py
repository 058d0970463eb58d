"""Pushing: what is asked, what is sent, and in which order."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.model.errors import HttpError, RegistryError, RemoteMismatch, RemoteRefused
from imagekit.model.reference import Reference
from imagekit.registry.push import PushPlan, push
from tests.registry.fault_registry import Fault, FaultRegistry, Rules, sha256
from tests.registry.kit import client, image, upload

BASE, CODE, BIG = b"base" * 50, b"code" * 60, b"big" * 1_000_000


def ref(server: FaultRegistry, name: str = "team/app", tag: str | None = "latest") -> Reference:
    return Reference(registry=server.host, repository=name, tag=tag)


def test_first_push_sends_every_blob_then_the_manifest() -> None:
    """The manifest comes last: it is refused while a blob is missing."""
    plan = image([upload(BASE), upload(CODE)])
    with FaultRegistry() as server, client() as registry:
        result = push(registry, plan, ref(server))

        assert result.reference == ref(server).at(plan.digest)
        assert (result.uploaded, result.mounted, result.skipped) == (3, 0, 0)
        assert result.sent_bytes == sum(one.descriptor.size_bytes for one in plan.blobs)
        assert server.manifests["team/app"]["latest"] == (plan.media_type, plan.manifest)
        assert server.seen[-1].method == "PUT" and "/manifests/" in server.seen[-1].path


def test_nothing_changed_is_one_request() -> None:
    """What the tag names is the image: one GET, nothing sent."""
    plan = image([upload(BASE), upload(CODE)])
    with FaultRegistry() as server, client() as registry:
        push(registry, plan, ref(server))
        server.forget()
        result = push(registry, plan, ref(server))

        assert [one.method for one in server.seen] == ["GET"]
        assert (result.sent_bytes, result.skipped) == (0, 3)


def test_code_change_is_six_requests() -> None:
    """One GET, a session and an upload for layer and config, the manifest; base layers unasked."""
    bases = [upload(bytes([n]) * 100) for n in range(20)]
    with FaultRegistry() as server, client() as registry:
        push(registry, image([*bases, upload(CODE)]), ref(server))
        server.forget()
        result = push(registry, image([*bases, upload(CODE + b"!")], b'{"config": 2}'), ref(server))

        assert len(server.seen) == 6
        assert (result.uploaded, result.skipped) == (2, 20)


def test_small_blob_that_is_there_after_all_is_not_sent() -> None:
    """A revert: the old layer is still in the repository, though the tag's manifest has it not."""
    old, new = image([upload(CODE)]), image([upload(CODE + b"!")], b'{"config": 2}')
    with FaultRegistry() as server, client() as registry:
        push(registry, old, ref(server))
        push(registry, new, ref(server))
    with server_like(server) as again, client() as registry:
        result = push(registry, old, ref(again))

        assert (result.sent_bytes, result.skipped) == (0, 2)
        assert again.manifests["team/app"]["latest"][1] == old.manifest


def server_like(server: FaultRegistry) -> FaultRegistry:
    """Another server with the same contents, so that a new client knows nothing."""
    other = FaultRegistry(server.rules)
    other.blobs, other.manifests = server.blobs, server.manifests
    return other


def test_image_under_another_tag_is_found_by_digest() -> None:
    """One HEAD by digest; then only the tag that is missing is put."""
    plan = image([upload(BASE), upload(CODE)])
    with FaultRegistry() as server, client() as registry:
        push(registry, plan, ref(server, tag="one"))
        server.forget()
        push(registry, plan, ref(server, tag="two"))

        assert [one.method for one in server.seen] == ["GET", "HEAD", "PUT"]
        assert server.manifests["team/app"]["two"][1] == plan.manifest


def test_missing_tag_is_put_when_the_manifest_is_there() -> None:
    """Tags that name the image already are left alone."""
    plan = image([upload(BASE)])
    with FaultRegistry() as server, client() as registry:
        push(registry, plan, ref(server), tags=("v1",))
        server.forget()
        push(registry, plan, ref(server), tags=("v1", "v2"))

        assert [one.path.rpartition("/")[2] for one in server.saw("PUT")] == ["v2"]


def test_without_a_tag_the_manifest_lies_under_its_digest() -> None:
    """A push by digest alone touches no tag."""
    plan = image([upload(BASE)])
    with FaultRegistry() as server, client() as registry:
        push(registry, plan, ref(server, tag=None))

        assert list(server.manifests["team/app"]) == [str(plan.digest)]


def test_equal_blobs_are_sent_once() -> None:
    """An image that names a layer twice sends it once."""
    plan = image([upload(BASE), upload(CODE), upload(BASE)])
    with FaultRegistry() as server, client() as registry:
        result = push(registry, plan, ref(server))

        assert len(server.saw("PUT", "/blobs/")) == 3
        assert result.uploaded == 3


def test_two_pushes_at_once_send_a_shared_blob_once() -> None:
    """Functions of one project share layers; each goes to a repository once."""
    shared = upload(BIG)
    plans = [image([shared, upload(bytes([n]))], b"{%d:1}" % n) for n in range(4)]
    with FaultRegistry() as server, client() as registry:
        threads = [
            threading.Thread(target=push, args=(registry, plan, ref(server, tag=f"t{n}")))
            for n, plan in enumerate(plans)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(server.saw("PUT", re.escape(str(shared.descriptor.digest)))) == 1
        assert {f"t{n}" for n in range(4)} <= set(server.manifests["team/app"])


def test_large_blob_is_asked_for_before_it_is_sent() -> None:
    """A HEAD costs less than a blob over 1 MiB, even where it is most likely new."""
    with FaultRegistry() as server, client() as registry:
        push(registry, image([upload(CODE)]), ref(server))
        server.hold("team/app", BIG)
        result = push(registry, image([upload(CODE), upload(BIG)], b'{"config": 2}'), ref(server))

        assert len(server.saw("HEAD", sha256(BIG))) == 1
        assert server.saw("PUT", sha256(BIG)) == []
        assert result.uploaded == 1


def test_blob_of_another_repository_is_mounted() -> None:
    """Within one registry nothing is sent: 201 is a mount."""
    with FaultRegistry() as server, client() as registry:
        server.hold("base", BASE)
        source = ref(server, "base")
        result = push(
            registry,
            image([upload(BASE, copy_from=source, local=False), upload(CODE)]),
            ref(server),
        )

        assert (result.mounted, result.mounted_bytes, result.uploaded) == (1, len(BASE), 2)
        assert server.saw("GET", "/blobs/") == []


@pytest.mark.parametrize("mounts", ["none", "refused"])
def test_mount_that_is_none_sends_the_blob(mounts: str) -> None:
    """202 is a session (lambda_rules E14), and a refusal is no reason to fail."""
    rules = Rules(mounts="none" if mounts == "none" else "refused")
    with FaultRegistry(rules) as server, client() as registry:
        server.hold("base", BASE)
        result = push(
            registry, image([upload(BASE, copy_from=ref(server, "base"), local=False)]), ref(server)
        )

        assert (result.mounted, result.uploaded) == (0, 2)
        assert server.blobs["team/app"][sha256(BASE)] == BASE


def test_session_of_a_failed_mount_is_used() -> None:
    """A mount answered 202 opened an upload: no second POST for that blob."""
    with FaultRegistry(Rules(mounts="none")) as server, client() as registry:
        push(registry, image([upload(BASE, copy_from=ref(server, "base"))]), ref(server))

        assert len(server.saw("POST")) == 2


def test_mount_that_was_a_lie_is_made_good() -> None:
    """201 without the blob shows at the manifest; then all is asked for and sent."""
    with FaultRegistry(Rules(mounts="lies")) as server, client() as registry:
        plan = image([upload(BASE, copy_from=ref(server, "base")), upload(CODE)])
        push(registry, plan, ref(server))

        assert server.manifests["team/app"]["latest"][1] == plan.manifest


def test_blob_that_was_tidied_away_is_sent_again() -> None:
    """What the tag's manifest references may be gone all the same (lambda_rules E12)."""
    with FaultRegistry() as server, client() as registry:
        push(registry, image([upload(BASE), upload(CODE)]), ref(server))
        del server.blobs["team/app"][sha256(BASE)]
        plan = image([upload(BASE), upload(CODE + b"!")], b'{"config": 2}')
        push(registry, plan, ref(server))

        assert server.manifests["team/app"]["latest"][1] == plan.manifest


def test_blob_that_is_nowhere_is_said() -> None:
    """A layer known by digest only, gone from the repository: nothing is put."""
    with FaultRegistry() as server, client() as registry:
        with pytest.raises(RemoteRefused, match=r"no longer has the blob") as refused:
            push(registry, image([upload(BASE, local=False)]), ref(server))

        assert refused.value.hint
        assert server.saw("PUT", "/manifests/") == []


def test_blob_streams_from_another_registry(tmp_path: Path) -> None:
    """Between registries a blob passes through without a file."""
    with FaultRegistry() as source, FaultRegistry() as server, client() as registry:
        source.hold("base", BIG)
        plan = image([upload(BIG, copy_from=ref(source, "base"), local=False)])
        result = push(registry, plan, ref(server))

        assert server.blobs["team/app"][sha256(BIG)] == BIG
        assert result.sent_bytes >= len(BIG)


@pytest.mark.parametrize("size_bytes", [100, 512 * 1024, 3_000_001])
def test_source_that_lies_is_never_completed(size_bytes: int) -> None:
    """Wrong bytes from the other registry are a RemoteMismatch; their last ones are not sent."""
    data = b"b" * size_bytes
    with FaultRegistry() as source, FaultRegistry() as server, client() as registry:
        source.hold("base", data)
        source.fault(Fault(method="GET", path="/blobs/", body=data[:-1] + b"X", times=9))
        plan = image([upload(data, copy_from=ref(source, "base"), local=False)])
        with pytest.raises(RemoteMismatch):
            push(registry, plan, ref(server))

        assert all(one.sent_bytes < size_bytes for one in server.saw("PUT", sha256(data)))
        assert server.manifests.get("team/app", {}) == {}


def test_source_that_breaks_off_is_asked_again() -> None:
    """Half a blob from the other registry starts a new session with a new stream."""
    with FaultRegistry() as source, FaultRegistry() as server, client() as registry:
        source.hold("base", BIG)
        source.fault(Fault(method="GET", path="/blobs/", hang_up="halfway"))
        push(
            registry, image([upload(BIG, copy_from=ref(source, "base"), local=False)]), ref(server)
        )

        assert server.blobs["team/app"][sha256(BIG)] == BIG


@pytest.mark.parametrize("hang_up", ["before", "after"])
def test_upload_survives_a_dropped_connection(hang_up: str) -> None:
    """Dropped before: a new session. Dropped after the registry took it: it is found there."""
    before = hang_up == "before"
    with FaultRegistry() as server, client() as registry:
        server.fault(
            Fault(method="PUT", path=sha256(CODE), hang_up="before" if before else "after")
        )
        plan = image([upload(CODE)])
        push(registry, plan, ref(server))

        assert server.manifests["team/app"]["latest"][1] == plan.manifest
        assert len(server.saw("PUT", sha256(CODE))) == (2 if before else 1)
        sessions = [one.path.partition("?")[0] for one in server.saw("PUT", sha256(CODE))]
        assert len(set(sessions)) == len(sessions)


def test_manifest_survives_a_dropped_connection() -> None:
    """The registry took the manifest and hung up: putting it again is no error."""
    with FaultRegistry(Rules(immutable=True)) as server, client() as registry:
        server.fault(Fault(method="PUT", path="/manifests/", hang_up="after"))
        plan = image([upload(CODE)])

        assert push(registry, plan, ref(server)).reference.digest == plan.digest


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_temporary_refusals_are_tried_again(status: int) -> None:
    """Twice refused, then taken; waiting as long as the registry asked."""
    waits: list[float] = []
    with FaultRegistry() as server, client(waits=waits) as registry:
        asked = {"Retry-After": "7"}
        server.fault(Fault(method="PUT", path=sha256(CODE), status=status, headers=asked, times=2))
        push(registry, image([upload(CODE)]), ref(server))

        assert waits == [7.0, 7.0]
        assert server.blobs["team/app"][sha256(CODE)] == CODE


def test_put_answered_202_counts() -> None:
    """ECR and others differ from the spec by one (lambda_rules E3)."""
    with FaultRegistry(Rules(put_status=202)) as server, client() as registry:
        assert push(registry, image([upload(CODE)]), ref(server)).uploaded == 2


def test_refusal_for_good_ends_the_push() -> None:
    """A 413 is not tried again, and no manifest is put."""
    waits: list[float] = []
    with FaultRegistry() as server, client(waits=waits) as registry:
        server.fault(Fault(method="PUT", path=sha256(CODE), status=413, times=9))
        with pytest.raises(HttpError) as refused:
            push(registry, image([upload(CODE), upload(BASE)]), ref(server))

        assert (refused.value.status, waits) == (413, [])
        assert server.saw("PUT", "/manifests/") == []
        assert "secret" not in str(refused.value)


def test_registry_that_never_recovers_is_tried_five_times() -> None:
    """The schedule has an end, and no wait after the last try."""
    waits: list[float] = []
    with FaultRegistry() as server, client(waits=waits) as registry:
        server.fault(Fault(method="GET", status=503, times=99))
        with pytest.raises(RegistryError):
            push(registry, image([upload(CODE)]), ref(server))

        assert waits == [0.2, 0.4, 0.8, 1.6]
        assert len(server.saw("GET")) == 5


def test_wrong_digest_after_put_is_said() -> None:
    """What the registry says of the manifest must be our digest."""
    with FaultRegistry() as server, client() as registry:
        server.fault(Fault(method="PUT", path="/manifests/", digest=sha256(b"other")))
        with pytest.raises(RemoteMismatch):
            push(registry, image([upload(CODE)]), ref(server))


def test_immutable_tag_is_refused_with_a_way_out() -> None:
    """lambda_rules E16: the tag names another image, and may not be moved."""
    with FaultRegistry(Rules(immutable=True)) as server, client() as registry:
        push(registry, image([upload(CODE)]), ref(server))
        with pytest.raises(RemoteRefused, match="may not be moved") as refused:
            push(registry, image([upload(CODE + b"!")], b'{"config": 2}'), ref(server))

        assert "--tag" in (refused.value.hint or "")


def test_unknown_repository_of_ecr_says_how_to_make_it() -> None:
    """ECR hangs up on the upload (lambda_rules E2): the hint can be typed."""
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    target = Reference(registry=host, repository="team/app", tag="latest")
    with FaultRegistry(Rules(repositories=frozenset())) as server:
        endpoints = {host: f"http://{server.host}"}
        with client(endpoints=endpoints) as registry, pytest.raises(HttpError) as refused:
            push(registry, image([upload(CODE)]), target)

    assert refused.value.hint is not None
    assert (
        "aws ecr create-repository --repository-name team/app --region eu-west-1"
        in refused.value.hint
    )


def test_progress_adds_up() -> None:
    """Sent, mounted or found: every blob is counted in full, also after a false start."""
    counted: list[int] = []
    with FaultRegistry() as server, client() as registry:
        server.hold("team/app", BASE)
        server.fault(Fault(method="PUT", path=sha256(CODE), hang_up="before"))
        plan = image([upload(BASE), upload(CODE), upload(BIG)])
        push(registry, plan, ref(server), progress=counted.append)

    assert sum(counted) == sum(one.descriptor.size_bytes for one in plan.blobs)
    assert min(counted) < 0


def test_ten_layers_go_through_few_threads() -> None:
    """Parallel, but bounded (lambda_rules E8)."""
    before = threading.active_count()
    highest = 0

    def watch(size_bytes: int) -> None:
        nonlocal highest
        names = [one.name for one in threading.enumerate()]
        highest = max(highest, sum(name.startswith("ThreadPoolExecutor") for name in names))

    with FaultRegistry() as server, client() as registry:
        layers = [upload(bytes([n]) * 300_000) for n in range(20)]
        push(registry, image(layers), ref(server), progress=watch)

    assert 1 < highest <= 8
    assert threading.active_count() <= before + 8


def test_largest_blob_goes_first() -> None:
    """What takes longest starts first, so that the end is not waited for alone."""
    blobs = [upload(bytes([n]) * 1000 * (n + 1)) for n in range(20)]
    with FaultRegistry() as server, client() as registry:
        push(registry, image(blobs), ref(server))
        asked = [one.path.rpartition("/")[2] for one in server.saw("HEAD", "/blobs/")]

    order = [asked.index(str(blob.descriptor.digest)) for blob in blobs]
    assert order[19] < order[0]
    assert set(order[-3:]) <= set(range(8))


def test_first_failure_stops_the_others() -> None:
    """Forty blobs, the largest refused: most are never begun."""
    blobs = [upload(bytes([n]) * (100 + n)) for n in range(40)]
    with FaultRegistry() as server, client() as registry:
        digest = str(blobs[39].descriptor.digest)
        server.fault(Fault(method="HEAD", path=digest, status=403))
        with pytest.raises(HttpError) as refused:
            push(registry, image(blobs), ref(server))

        assert refused.value.status == 403
        assert len(server.saw("PUT")) < 40


def test_interrupt_ends_uploads_that_are_under_way() -> None:
    """Ctrl-C while bytes flow: it comes through, and nothing more is put."""
    asked: list[int] = []

    def interrupt(size_bytes: int) -> None:
        asked.append(size_bytes)
        raise KeyboardInterrupt

    blobs = [upload(bytes([n]) * 2_000_000) for n in range(10)]
    with FaultRegistry() as server, client() as registry:
        with pytest.raises(KeyboardInterrupt):
            push(registry, image(blobs), ref(server), progress=interrupt)

        assert server.saw("PUT", "/manifests/") == []
        assert len(asked) < 10


def test_plan_is_put_byte_for_byte() -> None:
    """The digest that comes back is of the bytes that were given."""
    plan = image([upload(CODE)])
    odd = PushPlan(
        manifest=plan.manifest + b"\n",
        media_type=plan.media_type,
        digest=Digest.of(plan.manifest + b"\n"),
        blobs=plan.blobs,
    )
    with FaultRegistry() as server, client() as registry:
        assert push(registry, odd, ref(server)).reference.digest == odd.digest
        assert server.manifests["team/app"]["latest"][1].endswith(b"\n")
