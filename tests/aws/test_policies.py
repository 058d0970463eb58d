"""Policies as documents: what imagekit writes, and what it reads out of those of others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from imagekit.aws.policies import (
    READS,
    accounts_in,
    lets_account_in,
    lets_lambda_in,
    lifecycle,
    repository_policy,
    with_reads,
)

HOME, OTHER, REGION = "111111111111", "222222222222", "eu-west-1"


def policy(*statements: dict[str, Any]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(principal: object, action: object = READS, **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    actions = list(action) if isinstance(action, tuple) else action
    return {"Effect": "Allow", "Principal": principal, "Action": actions, **more}


def test_what_imagekit_writes_lets_lambda_in_at_home() -> None:
    """For the account's own functions, and for nobody else's."""
    text = json.dumps(repository_policy(HOME, REGION))

    assert lets_lambda_in(text, HOME, REGION)
    assert not lets_lambda_in(text, OTHER, REGION)
    assert not lets_lambda_in(text, HOME, "us-east-1")
    assert accounts_in(text) == {HOME}


def test_what_imagekit_writes_lets_other_accounts_in() -> None:
    """Both sides: the account itself, and Lambda for its functions (L5)."""
    text = json.dumps(repository_policy(HOME, REGION, (OTHER,)))

    assert lets_lambda_in(text, HOME, REGION)
    assert lets_lambda_in(text, OTHER, REGION)
    assert lets_account_in(text, OTHER)
    assert accounts_in(text) == {HOME, OTHER}


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("cn-north-1", "arn:aws-cn:lambda:cn-north-1:"),
        ("us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:"),
    ],
)
def test_other_partitions_have_their_own_arns(region: str, arn: str) -> None:
    """An ARN of the wrong partition lets nobody in."""
    assert arn in json.dumps(repository_policy(HOME, region, (OTHER,)))


LAMBDA = {"Service": "lambda.amazonaws.com"}
LIKE = {"StringLike": {"aws:sourceArn": f"arn:aws:lambda:{REGION}:{HOME}:function:*"}}


@pytest.mark.parametrize(
    "statement",
    [
        allow(LAMBDA),
        allow(LAMBDA, Condition=LIKE),
        allow(LAMBDA, "ecr:*"),
        allow({"Service": ["x.amazonaws.com", "lambda.amazonaws.com"]}, ("ecr:Batch*", "ecr:Get*")),
        allow("*", "*"),
        allow(LAMBDA, Condition={"StringEquals": {"aws:SourceAccount": HOME}}),
    ],
)
def test_lambda_is_let_in_however_it_is_written(statement: dict[str, Any]) -> None:
    """Wildcards, lists, and Lambda's own statement, which it adds by itself."""
    assert lets_lambda_in(policy(statement), HOME, REGION)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "not JSON",
        "[]",
        policy(),
        policy(allow(LAMBDA, "ecr:BatchGetImage")),
        policy(allow({"AWS": HOME})),
        policy({**allow(LAMBDA), "Effect": "Deny"}),
        policy(allow(LAMBDA, Condition={"ArnLike": {"aws:SourceArn": "arn:aws:lambda:x:1:*"}})),
    ],
)
def test_lambda_is_not_let_in(text: str | None) -> None:
    """Half of the actions, another principal, a denial, another account."""
    assert not lets_lambda_in(text, HOME, REGION)


@pytest.mark.parametrize(
    ("principal", "accounts"),
    [
        ("*", {"*"}),
        ({"AWS": "*"}, {"*"}),
        ({"AWS": OTHER}, {OTHER}),
        ({"AWS": [f"arn:aws:iam::{OTHER}:role/x", f"arn:aws:iam::{HOME}:root"]}, {HOME, OTHER}),
        ({"AWS": "AROAGONEGONEGONE"}, set()),
        (LAMBDA, set()),
    ],
)
def test_accounts_that_a_policy_lets_in(principal: object, accounts: set[str]) -> None:
    """By every way to name one; a principal that was deleted is nobody."""
    assert accounts_in(policy(allow(principal))) == accounts


def test_what_mends_a_policy_keeps_what_is_there() -> None:
    """A repository has one policy: denials and other statements stay, names are unique."""
    deny = {"Sid": "keep", "Effect": "Deny", "Principal": "*", "Action": "ecr:PutImage"}
    own = repository_policy(HOME, REGION)["Statement"]
    assert isinstance(own, list)
    mended = with_reads(policy(deny, *own), HOME, REGION, OTHER)
    found = json.loads(mended)["Statement"]

    assert found[0] == deny
    assert lets_lambda_in(mended, OTHER, REGION)
    assert lets_account_in(mended, OTHER)
    assert lets_lambda_in(mended, HOME, REGION)
    assert len({one["Sid"] for one in found}) == len(found)
    assert json.loads(with_reads(mended, HOME, REGION, OTHER)) == json.loads(mended)


def test_lifecycle_rules_come_in_ecrs_order() -> None:
    """The rule for all images is the last; nothing asked for is no policy."""
    assert lifecycle(None, None) is None
    text = lifecycle(200, 30)
    assert text is not None
    assert 100 <= len(text) <= 30_720, "botocore, ecr/2015-09-21: LifecyclePolicyText"
    rules = json.loads(text)["rules"]

    assert [one["selection"]["tagStatus"] for one in rules] == ["untagged", "any"]
    assert [one["rulePriority"] for one in rules] == [1, 2]
    alone = lifecycle(1, None)
    assert alone is not None
    assert len(alone) >= 100
