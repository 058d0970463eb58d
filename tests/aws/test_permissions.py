"""The least policy: what a configuration needs, and nothing that it does not."""

from __future__ import annotations

import json
from typing import Any

from imagekit.aws.permissions import Needs, least_policy
from imagekit.model.ecr import RepositorySettings

PLACE = ("111111111111", "eu-west-1", "team/app")
FUNCTION = ("111111111111", "eu-west-1", "app")


def statements(needs: Needs) -> dict[str, dict[str, Any]]:
    """By Sid."""
    found = least_policy(needs)["Statement"]
    assert isinstance(found, list)
    return {one["Sid"]: one for one in found}


def test_nothing_needs_nothing() -> None:
    """No repository, no function: no statement."""
    assert statements(Needs()) == {}


def test_each_statement_names_its_command() -> None:
    """Build, deploy, doctor and gc can be given to different people."""
    found = statements(Needs(repositories=(PLACE,), functions=(FUNCTION,)))

    assert list(found) == [
        "BuildSignIn",
        "BuildPush",
        "Deploy",
        "DeployImage",
        "DoctorLook",
        "DoctorRegistry",
        "GcImages",
        "GcFunctions",
    ]
    assert found["BuildPush"]["Resource"] == [
        "arn:aws:ecr:eu-west-1:111111111111:repository/team/app"
    ]
    arn = "arn:aws:lambda:eu-west-1:111111111111:function:app"
    assert found["Deploy"]["Resource"] == [arn, f"{arn}:*"]


def test_making_repositories_is_asked_for_only_where_it_is_done() -> None:
    """With `create`; tags, lifecycle and a key of one's own each add what they need."""
    plain = RepositorySettings(create=True)
    key = "arn:aws:kms:eu-west-1:111111111111:key/x"
    rich = RepositorySettings(create=True, tags=(("a", "b"),), keep=9, encryption=key)

    assert "BuildCreate" not in statements(Needs(repositories=(PLACE,)))
    made = statements(Needs(repositories=(PLACE,), settings=plain))
    assert made["BuildCreate"]["Action"] == ["ecr:CreateRepository", "ecr:SetRepositoryPolicy"]
    assert "BuildCreateKey" not in made
    found = statements(Needs(repositories=(PLACE,), settings=rich))
    assert set(found["BuildCreate"]["Action"]) == {
        "ecr:CreateRepository",
        "ecr:PutLifecyclePolicy",
        "ecr:SetRepositoryPolicy",
        "ecr:TagResource",
    }
    assert found["BuildCreateKey"]["Resource"] == [key]


def test_a_zip_needs_no_registry() -> None:
    """A function, its role, its bucket, the role of its stage."""
    found = statements(
        Needs(
            functions=(FUNCTION,),
            roles=("arn:aws:iam::111111111111:role/app",),
            assumed=("arn:aws:iam::222222222222:role/deploy",),
            buckets=("artefacts",),
            layers=("arn:aws:lambda:eu-west-1:111111111111:layer:x:7",),
        )
    )

    assert list(found) == [
        "Deploy",
        "DeployRole",
        "DeployLayers",
        "DeployStage",
        "DeployBucket",
    ]
    assert found["DeployRole"]["Action"] == ["iam:PassRole"]
    assert found["DeployBucket"]["Resource"] == ["arn:aws:s3:::artefacts/*"]


def test_bases_are_only_read() -> None:
    """A shared base's repository is never pushed to by a build."""
    found = statements(Needs(repositories=(PLACE,), bases=(("1" * 12, "eu-west-1", "base"),)))

    assert not any("Put" in action for action in found["BuildBase"]["Action"])


def test_it_is_a_policy_that_can_be_pasted() -> None:
    """Strings and lists alone, each action once, within IAM's 6,144 characters for one project."""
    text = json.dumps(least_policy(Needs(repositories=(PLACE,), functions=(FUNCTION,))))

    assert len(text) < 6144
    for one in json.loads(text)["Statement"]:
        assert one["Sid"].isalnum()
        assert len(set(one["Action"])) == len(one["Action"])


def test_shared_layers_are_read_and_written() -> None:
    """A repository of its own, which no function runs from and gc does not touch."""
    shelf = ("111111111111", "eu-west-1", "team/layers")
    settings = RepositorySettings(create=True)
    found = statements(Needs(repositories=(PLACE,), layers_kept=(shelf,), settings=settings))
    arn = "arn:aws:ecr:eu-west-1:111111111111:repository/team/layers"

    assert found["BuildLayers"]["Resource"] == [arn]
    assert found["BuildLayers"]["Action"] == found["BuildPush"]["Action"]
    named = {sid for sid, one in found.items() if arn in one["Resource"]}
    assert named == {"BuildLayers", "BuildCreate", "DoctorLook"}
