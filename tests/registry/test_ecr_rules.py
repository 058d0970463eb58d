"""Section 5 of what ECR accepts and refuses, rule by rule, against the ECR front.

The first assertion of many says that the front keeps the rule: a client that broke it would fail.
"""

from __future__ import annotations

import base64
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from imagekit.aws.ecr import ecr_token
from imagekit.model.digest import Digest
from imagekit.model.errors import HttpError, RegistryError, TagTaken
from imagekit.model.image import MANIFEST
from imagekit.model.reference import Reference
from imagekit.registry.client import Registry
from imagekit.registry.copy import copy_plan
from imagekit.registry.early import EarlyBlobs
from imagekit.registry.endpoints import parse_endpoints
from imagekit.registry.push import push
from tests.registry.kit import client, image, upload
from tests.services.ecr_front import EcrFront
from tests.services.ecr_registry import DOCKER, OCI, EcrRegistry, Stored
from tests.services.front import Fault

ONE = b"one layer" * 1000
TWO = b"another layer" * 1000


@pytest.fixture
def ecr(aws: EcrFront) -> EcrRegistry:
    """A registry with a repository `team/app`."""
    aws.make("team/app")
    return aws.registry()


@pytest.fixture
def hub(aws: EcrFront, ecr: EcrRegistry) -> Iterator[Registry]:
    """A client that signs in by AWS's API."""
    endpoints = parse_endpoints(aws.env["IMAGEKIT_REGISTRY_ENDPOINTS"])
    with client(endpoints=endpoints, ecr=lambda a, r: ecr_token(a, r, aws.env)) as found:
        yield found


def at(ecr: EcrRegistry, name: str = "team/app", tag: str | None = "v1") -> Reference:
    """A reference there."""
    return Reference(registry=ecr.host, repository=name, tag=tag)


def raw(
    ecr: EcrRegistry, method: str, path: str, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request as a client without manners would send it."""
    token = base64.b64decode(ecr.token()).decode()
    told = {"Authorization": f"Basic {base64.b64encode(token.encode()).decode()}", **headers}
    body = b"{}" if method in ("PUT", "PATCH", "POST") else None
    asked = urllib.request.Request(f"{ecr.url}{path}", body, told, method=method)
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_e1_a_token_that_expires_on_the_way_is_renewed(
    hub: Registry, ecr: EcrRegistry, aws: EcrFront
) -> None:
    """403 without a challenge: one new token, and the push goes on."""
    ecr.expires_after = 3
    push(hub, image([upload(ONE), upload(TWO)]), at(ecr))

    assert [one.status for one in ecr.seen if one.status == 403] != []
    assert len(aws.called("GetAuthorizationToken")) == 2
    assert ecr.repositories["team/app"].tagged("v1") is not None


@pytest.mark.parametrize("reads", ["404", "drop"])
def test_e2_an_unknown_repository_breaks_off(hub: Registry, ecr: EcrRegistry, reads: str) -> None:
    """Uploads to it are hung up on: said with what makes it."""
    ecr.unknown = "drop" if reads == "drop" else "404"
    with pytest.raises(HttpError) as refused:
        push(hub, image([upload(ONE)]), at(ecr, "team/none"))

    assert refused.value.status == 0
    if reads == "404":
        assert "aws ecr create-repository --repository-name team/none" in str(refused.value.hint)


def test_e2_what_ecr_says_when_it_says_it(hub: Registry, ecr: EcrRegistry) -> None:
    """404 NAME_UNKNOWN is no missing tag: `EarlyBlobs` tells the two apart."""
    unknown, untagged = (EarlyBlobs(hub, at(ecr, name)) for name in ("team/none", "team/app"))

    assert unknown.current() is untagged.current() is None
    assert (unknown.repository_unknown, untagged.repository_unknown) == (True, False)


def test_e2_a_creation_template_makes_it_on_push(hub: Registry, ecr: EcrRegistry) -> None:
    """Nothing of that is the client's business."""
    ecr.templates["team"] = Stored(mutability="IMMUTABLE")
    push(hub, image([upload(ONE)]), at(ecr, "team/new"))

    assert ecr.repositories["team/new"].tagged("v1") is not None


def test_e3_e4_e7_a_blob_goes_in_one_piece(hub: Registry, ecr: EcrRegistry) -> None:
    """The front answers PATCH as ECR does, and no PATCH is ever sent."""
    _, headers, _ = raw(ecr, "POST", "/v2/team/app/blobs/uploads/")
    place = headers["Location"].removeprefix(f"https://{ecr.host}")
    status, headers, _ = raw(ecr, "PATCH", place)
    assert (status, headers["Range"]) == (201, "0-0")
    ecr.seen.clear()
    push(hub, image([upload(ONE)]), at(ecr))

    assert ecr.saw("PATCH") == []
    assert [one.sent_bytes for one in ecr.saw("PUT", "/blobs/") if one.sent_bytes == len(ONE)]


def test_e5_a_broken_upload_starts_in_a_new_session(hub: Registry, ecr: EcrRegistry) -> None:
    """A session that has bytes answers 416; each try opens another."""
    ecr.fault(Fault(method="PUT", path="/blobs/", hang_up="after", times=1))
    ecr.fault(Fault(method="HEAD", path="/blobs/", status=404, times=2))
    push(hub, image([upload(ONE)]), at(ecr))

    assert 416 not in {one.status for one in ecr.seen}
    assert len({one.path for one in ecr.saw("PUT", "/blobs/")}) == len(ecr.saw("PUT", "/blobs/"))


def test_e8_uploads_are_few_at_once(hub: Registry, ecr: EcrRegistry) -> None:
    """Thirty blobs, no more than six at a time."""
    blobs = [upload(bytes([number]) * 200_000) for number in range(30)]
    push(hub, image(blobs), at(ecr))

    assert 1 <= ecr.busiest <= 6


@pytest.mark.parametrize("kind", ["", f"{OCI};version=0.2", "application/json"])
def test_e10_e19_the_front_refuses_other_types(ecr: EcrRegistry, kind: str) -> None:
    """No type, one with parameters, one that is none."""
    status, _, said = raw(ecr, "PUT", "/v2/team/app/manifests/v1", **{"Content-Type": kind})

    assert status == 405
    assert b"UNSUPPORTED" in said


def test_e10_a_manifest_that_does_not_say_its_type(hub: Registry, ecr: EcrRegistry) -> None:
    """OCI leaves it open: the Content-Type says it, and the bytes stay as they are."""
    plan = image([upload(ONE)])
    document = {
        key: value for key, value in json.loads(plan.manifest).items() if key != "mediaType"
    }
    data = json.dumps(document).encode()
    push(hub, replace(plan, manifest=data, digest=Digest.of(data)), at(ecr))
    copied = copy_plan(hub, at(ecr, tag=None).at(Digest.of(data)))
    push(hub, copied, at(ecr, tag="v2"))

    assert copied.media_type == MANIFEST["oci"]
    stored = ecr.repositories["team/app"].images[str(Digest.of(data))]
    assert stored.tags == {"v1", "v2"}


def test_e11_a_manifest_comes_after_its_blobs(hub: Registry, ecr: EcrRegistry) -> None:
    """Refused on its own; a push sends it last."""
    plan = image([upload(ONE)])
    with pytest.raises(RegistryError) as refused:
        hub.put_manifest(at(ecr), plan.manifest, plan.media_type)
    assert "MANIFEST_BLOB_UNKNOWN" in refused.value.codes

    push(hub, plan, at(ecr))
    assert [one.path for one in ecr.saw("PUT")][-1].endswith("/manifests/v1")


def test_e12_blobs_that_were_tidied_away_are_sent_again(hub: Registry, ecr: EcrRegistry) -> None:
    """What was sent ahead may be gone when the manifest comes."""
    ecr.tidies = 1
    early = EarlyBlobs(hub, at(ecr))
    early.send(upload(ONE))
    early.outcomes()
    push(hub, image([upload(ONE)]), at(ecr), early=early)

    assert [one.status for one in ecr.saw("PUT", "/manifests/")] == [400, 201]
    assert ecr.has_blob("team/app", str(Digest.of(ONE)))


def test_e13_e14_a_mount_needs_a_manifest_there(
    hub: Registry, ecr: EcrRegistry, aws: EcrFront
) -> None:
    """202 is a session, not a mount: a blob that no manifest names is sent."""
    ecr.mounting = True
    aws.make("team/base")
    here, there = at(ecr), at(ecr, "team/base")
    plan = image([upload(ONE)])
    hub.put_blob(there, plan.blobs[0].descriptor.digest, plan.blobs[0].body)  # type: ignore[arg-type]
    assert not hub.mount(here, Digest.of(ONE), "team/base")

    push(hub, plan, there)
    assert hub.mount(here, Digest.of(ONE), "team/base")
    ecr.mounting = False
    assert not hub.mount(here, Digest.of(b"x"), "team/base")


def test_e14_a_mount_that_was_none_is_uploaded(
    hub: Registry, ecr: EcrRegistry, aws: EcrFront
) -> None:
    """The account does not mount: the copy is whole all the same."""
    aws.make("team/base")
    push(hub, image([upload(ONE)]), at(ecr, "team/base"))
    result = push(hub, copy_plan(hub, at(ecr, "team/base")), at(ecr))

    assert (result.mounted, result.uploaded) == (0, 2)


def test_e15_what_is_there_is_asked_of_the_registry(
    hub: Registry, ecr: EcrRegistry, aws: EcrFront
) -> None:
    """HEAD by digest, never ECR's API."""
    plan = image([upload(ONE)])
    here = at(ecr, tag=None).at(plan.digest)
    assert hub.has_manifest(here) is None
    push(hub, plan, at(ecr))

    assert hub.has_manifest(here) == plan.digest
    assert hub.has_blob(here, Digest.of(ONE))
    assert {one.action for one in aws.called()} == {"GetAuthorizationToken"}


def test_e16_an_immutable_tag_stays(hub: Registry, ecr: EcrRegistry) -> None:
    """Both words of ECR for it are the same refusal, with what to do."""
    ecr.repositories["team/app"].mutability = "IMMUTABLE"
    push(hub, image([upload(ONE)]), at(ecr))
    with pytest.raises(TagTaken) as refused:
        push(hub, image([upload(TWO)]), at(ecr))

    assert "cannot be overwritten" in refused.value.causes[0]
    assert refused.value.hint == "push under a new tag, with --tag NEW"


def test_e16_tags_that_are_left_out_of_immutability_move(hub: Registry, ecr: EcrRegistry) -> None:
    """IMMUTABLE_WITH_EXCLUSION, as imagekit makes its repositories."""
    stored = ecr.repositories["team/app"]
    stored.mutability, stored.exclusions = "IMMUTABLE_WITH_EXCLUSION", ("imagekit-*",)
    for data in (ONE, TWO):
        push(hub, image([upload(data)]), at(ecr, tag="imagekit-app-x86_64"))

    found = stored.tagged("imagekit-app-x86_64")
    assert found is not None
    assert found.digest == str(image([upload(TWO)]).digest)


def test_e16_a_tag_may_be_left_where_it_is(hub: Registry, ecr: EcrRegistry) -> None:
    """The image is put by its digest alone, and the tag is told."""
    ecr.repositories["team/app"].mutability = "IMMUTABLE"
    push(hub, image([upload(ONE)]), at(ecr))
    plan = replace(image([upload(TWO)]), leave_taken=True)
    result = push(hub, plan, at(ecr))

    assert result.taken == ("v1",)
    assert ecr.repositories["team/app"].images[str(plan.digest)].tags == set()


def test_e17_the_same_again_is_success(hub: Registry, ecr: EcrRegistry) -> None:
    """ECR refuses the tag that names this very image already."""
    ecr.repositories["team/app"].mutability = "IMMUTABLE"
    plan = image([upload(ONE)])
    push(hub, plan, at(ecr))

    assert hub.put_manifest(at(ecr), plan.manifest, plan.media_type) == plan.digest
    assert ecr.saw("PUT", "/manifests/")[-1].status == 400


def test_e18_what_is_pulled_by_tag_is_not_translated(hub: Registry, ecr: EcrRegistry) -> None:
    """The front translates for who takes one family alone; imagekit takes all."""
    plan = image([upload(ONE)])
    push(hub, plan, at(ecr))
    _, headers, data = raw(ecr, "GET", "/v2/team/app/manifests/v1", Accept=DOCKER)
    assert headers["Content-Type"] == DOCKER
    assert Digest.of(data) != plan.digest

    fetched = hub.manifest(at(ecr))
    assert (fetched.digest, fetched.data) == (plan.digest, plan.manifest)


def test_pushes_in_parallel_share_a_token(hub: Registry, ecr: EcrRegistry, aws: EcrFront) -> None:
    """Of threads that are refused together, one asks AWS."""
    plans = [image([upload(bytes([number]) * 100)]) for number in range(6)]
    threads = [
        threading.Thread(target=push, args=(hub, plan, at(ecr, tag=f"v{number}")))
        for number, plan in enumerate(plans)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ecr.repositories["team/app"].images) == 6
    assert len(aws.called("GetAuthorizationToken")) == 1


def test_a_registry_that_refuses_the_token_says_who_to_ask(hub: Registry, ecr: EcrRegistry) -> None:
    """403 for good: the permission is named."""
    ecr.fault(Fault(method="GET", path="/manifests/", status=403, times=9))
    with pytest.raises(HttpError) as refused:
        hub.manifest(at(ecr))

    assert "aws ecr get-repository-policy --repository-name team/app" in str(refused.value.hint)
