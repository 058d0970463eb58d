"""Pushing to ECR as it is: repositories made or missed, tags that stay, mounts that are none."""

from __future__ import annotations

import pytest

from tests.e2e.projects import Project
from tests.services.cli import succeeded
from tests.services.ecr_front import REGION, EcrFront
from tests.services.ecr_registry import EcrRegistry
from tests.services.moto import ACCOUNT

MADE = ("CreateRepository", "PutLifecyclePolicy", "SetRepositoryPolicy")


def test_a_missing_repository_is_refused_before_anything_is_sent(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry
) -> None:
    """Exit 3 with both commands that make it; nothing was made, nothing was sent (E2)."""
    done = in_ecr.run("build", "--push")

    assert done.returncode == 3, done.stderr
    assert f"there is no repository team/app in {REGION} of account {ACCOUNT}" in done.stderr
    assert "--create, or: aws ecr create-repository --repository-name team/app" in done.stderr
    assert done.stdout == ""
    assert ecr.saw("POST") == []
    assert aws.called(*MADE) == []


@pytest.mark.parametrize("create", ["option", "key"])
def test_create_makes_the_repository(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry, create: str
) -> None:
    """`--create` or `ecr.create`: made, said, pushed to; a second time nothing is made."""
    options = ["--create"] if create == "option" else []
    if create == "key":
        in_ecr.replace("[functions.app]", "[ecr]\ncreate = true\n[functions.app]")
    done = succeeded(in_ecr.run("build", "--push", *options))

    assert done.stdout.startswith(f"{ecr.host}/team/app@sha256:")
    assert f"made {ecr.host}/team/app: tags immutable but for imagekit-*" in done.stderr
    assert [one.action for one in aws.called(*MADE)] == ["CreateRepository", "SetRepositoryPolicy"]

    aws.forget()
    again = succeeded(in_ecr.run("build", "--push", *options))
    assert again.stdout == done.stdout
    assert {one.action for one in aws.called()} == {"GetAuthorizationToken", "GetCallerIdentity"}
    assert ecr.saw("PUT") == ecr.saw("POST") == ecr.saw("PATCH") == []
