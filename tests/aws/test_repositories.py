"""Repositories of ECR: looked at, made, and never changed, against moto behind ECR's front."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagekit.aws.calls import Calls
from imagekit.aws.identity import caller, home_registry
from imagekit.aws.policies import lets_account_in, lets_lambda_in
from imagekit.aws.repositories import Ecr
from imagekit.model.ecr import Encryption, RepositorySettings
from imagekit.model.errors import AwsRefused, RemoteRefused
from tests.services.ecr_front import REGION, EcrFront, Refusal
from tests.services.ecr_registry import Stored
from tests.services.moto import ACCOUNT

OTHER = "210987654321"
NAME = "team/app"


@pytest.fixture
def waits() -> list[float]:
    """Seconds that were waited, in place of waiting."""
    return []


@pytest.fixture
def ecr(aws: EcrFront, waits: list[float]) -> Ecr:
    """The caller's own ECR."""
    return Ecr.open(ACCOUNT, REGION, Calls(environ=aws.env, sleep=waits.append))


def tags_of(aws: EcrFront) -> dict[str, str]:
    """Resource tags, as AWS has them."""
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{NAME}"
    said = aws.pass_on("ecr", REGION, ACCOUNT, "ListTagsForResource", {"resourceArn": arn})
    return {one["Key"]: one["Value"] for one in said["tags"]}


def test_nothing_there_is_none(ecr: Ecr) -> None:
    """No error: whoever asks decides."""
    assert ecr.find(NAME) is None
    assert ecr.policy(NAME) is None
    assert ecr.lifecycle(NAME) is None


def test_it_is_made_as_the_defaults_say(ecr: Ecr, aws: EcrFront) -> None:
    """Tags immutable but imagekit's own, scanned, encrypted; Lambda may read for this account."""
    assert ecr.create(NAME, RepositorySettings())
    found = ecr.find(NAME)

    assert found is not None
    assert found.mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert (found.immutable("v1"), found.immutable("imagekit-app-arm64")) == (True, False)
    assert found.scan
    assert found.encryption == Encryption(kind="AES256")
    assert lets_lambda_in(ecr.policy(NAME), ACCOUNT, REGION)
    assert not lets_account_in(ecr.policy(NAME), OTHER)
    assert ecr.lifecycle(NAME) is None
    assert tags_of(aws) == {}


def test_it_is_made_as_the_configuration_says(ecr: Ecr, aws: EcrFront) -> None:
    """Every key of `ecr` arrives."""
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-1111-2222-333344445555"
    settings = RepositorySettings(
        immutable=False,
        scan=False,
        encryption=key,
        keep=200,
        untagged_days=30,
        tags=(("team", "data"),),
        accounts=(OTHER, ACCOUNT),
    )
    ecr.create(NAME, settings)
    found = ecr.find(NAME)

    assert found is not None
    assert (found.mutability, found.scan) == ("MUTABLE", False)
    assert found.encryption == Encryption(kind="KMS", key=key)
    assert lets_lambda_in(ecr.policy(NAME), OTHER, REGION)
    assert lets_account_in(ecr.policy(NAME), OTHER)
    rules = json.loads(ecr.lifecycle(NAME) or "{}")["rules"]
    assert [one["selection"]["countNumber"] for one in rules] == [30, 200]
    assert tags_of(aws) == {"team": "data"}


def test_aws_chooses_the_key_where_none_is_named(ecr: Ecr) -> None:
    """`encryption = "KMS"` is AWS's own key."""
    ecr.create(NAME, RepositorySettings(encryption="KMS"))
    found = ecr.find(NAME)

    assert found is not None
    assert found.encryption.kind == "KMS"


def test_what_is_there_is_never_changed(ecr: Ecr, aws: EcrFront) -> None:
    """Somebody else was first: their repository stays as they made it."""
    aws.make(NAME)
    aws.forget()

    assert not ecr.create(NAME, RepositorySettings(keep=3))
    assert {one.action for one in aws.called()} == {"CreateRepository", "GetCallerIdentity"}
    assert ecr.policy(NAME) is ecr.lifecycle(NAME) is None


def test_a_repository_of_another_account_is_made_by_that_account(aws: EcrFront) -> None:
    """CreateRepository would make it at home, whatever the name says."""
    other = Ecr.open(OTHER, REGION, Calls(environ=aws.env, sleep=lambda seconds: None))
    with pytest.raises(RemoteRefused, match=f"belongs to account {OTHER}") as refused:
        other.create(NAME, RepositorySettings())

    assert "set AWS_PROFILE to a profile of account" in str(refused.value.hint)
    assert aws.called("CreateRepository") == []


@pytest.mark.parametrize(
    ("code", "tries"),
    [("ThrottlingException", 2), ("ServiceUnavailable", 1), ("TooManyRequestsException", 3)],
)
def test_throttling_is_waited_for(
    ecr: Ecr, aws: EcrFront, waits: list[float], code: str, tries: int
) -> None:
    """Each time longer."""
    aws.make(NAME)
    aws.refuse(Refusal(action="DescribeRepositories", code=code, times=tries))

    assert ecr.find(NAME) is not None
    assert len(waits) == tries


@pytest.mark.parametrize("action", ["CreateRepository", "SetRepositoryPolicy"])
def test_what_is_not_allowed_is_named(ecr: Ecr, aws: EcrFront, action: str) -> None:
    """The permission, where, and AWS's own words."""
    aws.refuse(Refusal(action=action, code="AccessDeniedException", message="no, you may not"))
    with pytest.raises(AwsRefused) as refused:
        ecr.create(NAME, RepositorySettings())

    error = refused.value
    assert (error.action, error.code) == (f"ecr:{action}", "AccessDeniedException")
    assert f"{action} for {NAME} in {REGION} of account {ACCOUNT}" in error.what
    assert f"allow it ecr:{action}" in str(error.hint)
    assert "no, you may not" in str(error.__cause__)


def test_the_account_setting_is_read(ecr: Ecr, aws: EcrFront) -> None:
    """Blob mounting is off until somebody turns it on; that is never imagekit."""
    assert not ecr.mounts_blobs()
    aws.registry().mounting = True
    assert ecr.mounts_blobs()
    assert aws.called("PutAccountSetting") == []


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("team/app", "team"), ("team/a/app", "team/a"), ("teamwork/app", "ROOT"), ("app", "ROOT")],
)
def test_the_longest_template_makes_it(ecr: Ecr, aws: EcrFront, name: str, prefix: str) -> None:
    """Prefixes end at a slash; ROOT is for what no other fits (E2)."""
    assert ecr.template_for(name) is None
    aws.registry().templates = {one: Stored() for one in ("team", "team/a", "ROOT")}
    assert ecr.template_for(name) == prefix


def test_pull_through_caches_are_known_by_their_prefix(ecr: Ecr, aws: EcrFront) -> None:
    """E25."""
    aws.registry().caches = ("hub",)

    assert ecr.is_cache("hub/library/python")
    assert not ecr.is_cache("hubris/app")


def test_the_caller_and_the_home_registry(aws: EcrFront) -> None:
    """Account by STS, region by the environment; China has its own ending."""

    def never(seconds: float) -> None:
        raise AssertionError("waited")

    found = caller(aws.env, never)
    assert (found.account, found.region) == (ACCOUNT, REGION)
    assert home_registry(aws.env, never) == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    china = {**aws.env, "AWS_REGION": "cn-north-1"}
    assert home_registry(china, never).endswith(".cn-north-1.amazonaws.com.cn")


@pytest.mark.parametrize(
    ("gone", "hint"),
    [("AWS_REGION", "set AWS_REGION"), ("AWS_ACCESS_KEY_ID", "aws sso login")],
)
def test_no_caller_says_what_to_set(aws: EcrFront, gone: str, hint: str) -> None:
    """Without a region, without keys."""
    environ: dict[str, Any] = {key: value for key, value in aws.env.items() if key != gone}
    with pytest.raises(RemoteRefused) as refused:
        caller(environ, lambda seconds: None)

    assert hint in str(refused.value.hint)


def test_one_for_layers_is_made_without_what_is_for_images(ecr: Ecr, aws: EcrFront) -> None:
    """No function runs what is there: not scanned, nothing expires, Lambda is not let in; other
    accounts' builds are."""
    settings = RepositorySettings(keep=200, untagged_days=30, accounts=(OTHER,))
    ecr.create(NAME, settings.for_layers())
    found = ecr.find(NAME)

    assert found is not None
    assert not found.scan
    assert found.immutable(f"layer-{'0' * 64}-rules1")
    assert ecr.lifecycle(NAME) is None
    assert lets_account_in(ecr.policy(NAME), OTHER)
    assert not lets_lambda_in(ecr.policy(NAME), ACCOUNT, REGION)
