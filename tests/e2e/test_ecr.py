"""Pushing to ECR as it is: repositories made or missed, tags that stay, mounts that are none."""

from __future__ import annotations

import pytest

from tests.e2e.projects import Project
from tests.services.cli import succeeded
from tests.services.ecr_front import REGION, EcrFront, Refusal
from tests.services.ecr_registry import EcrRegistry, Stored
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


@pytest.mark.parametrize("reads", ["404", "drop"])
def test_a_repository_that_ecr_hangs_up_on(in_ecr: Project, ecr: EcrRegistry, reads: str) -> None:
    """However ECR says it, exit 3 and the same words (E2)."""
    ecr.unknown = "drop" if reads == "drop" else "404"
    done = in_ecr.run("build", "--push")

    assert done.returncode == 3, done.stderr
    assert "there is no repository team/app" in done.stderr


def test_ecr_makes_it_by_itself_from_a_template(in_ecr: Project, ecr: EcrRegistry) -> None:
    """A creation template for pushes: nothing is missing, nothing has to be said."""
    ecr.templates["team"] = Stored()
    done = succeeded(in_ecr.run("build", "--push"))

    assert done.stdout.startswith(f"{ecr.host}/team/app@sha256:")
    assert "made" not in done.stderr


def test_aws_words_where_it_may_not_be_made(in_ecr: Project, aws: EcrFront) -> None:
    """Exit 3: which permission, for whom, in AWS's words."""
    said = "User: arn:aws:iam::1:user/ci is not authorized to perform: ecr:CreateRepository"
    aws.refuse(Refusal(action="CreateRepository", code="AccessDeniedException", message=said))
    done = in_ecr.run("build", "--push", "--create")

    assert done.returncode == 3
    assert said in done.stderr
    assert "allow it ecr:CreateRepository" in done.stderr


def test_a_lifecycle_is_set_with_a_warning(in_ecr: Project, aws: EcrFront) -> None:
    """ECR expires what functions run; imagekit gc does not (E22)."""
    in_ecr.replace("[functions.app]", "[ecr]\nlifecycle = { keep = 50 }\n[functions.app]")
    done = succeeded(in_ecr.run("build", "--push", "--create"))

    assert len(aws.called("PutLifecyclePolicy")) == 1
    assert "warning: ECR's lifecycle does not know what functions use" in done.stderr


def test_several_functions_fill_in_their_names(in_ecr: Project, ecr: EcrRegistry) -> None:
    """`{function}` in repository and tag: each its own, all made at once."""
    with (in_ecr.folder / "imagekit.toml").open("a", encoding="utf-8") as config:
        config.write('[functions.Two]\nhandler = "app.handler"\nenv = { SIDE = "two" }\n')
    succeeded(in_ecr.run("lock"))
    succeeded(in_ecr.run("build", "--push", "--create", "--tag", "{function}-v1"))

    assert set(ecr.repositories) == {"team/app", "team/two"}
    assert ecr.repositories["team/app"].tagged("app-v1")
    assert ecr.repositories["team/two"].tagged("Two-v1")

    one_place = ["--push", "--to", f"{ecr.host}/team/app"]
    both = in_ecr.run("build", *one_place, "--tag", "v2")
    assert both.returncode == 2
    assert "would both be pushed there" in both.stderr
    assert "`{function}`" in both.stderr
    succeeded(in_ecr.run("build", *one_place, "--tag", "{function}-v2"))


def edit(project: Project) -> None:
    """Another digest."""
    path = project.folder / "app.py"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n# again\n", encoding="utf-8")


def test_a_tag_of_a_release_stays(in_ecr: Project, aws: EcrFront, ecr: EcrRegistry) -> None:
    """The same image again is success; another one is refused before a layer is sent (E16, E17)."""
    aws.make("team/app", imageTagMutability="IMMUTABLE")
    first = succeeded(in_ecr.run("build", "--push", "--tag", "v1"))
    assert succeeded(in_ecr.run("build", "--push", "--tag", "v1")).stdout == first.stdout
    edit(in_ecr)
    aws.forget()
    done = in_ecr.run("build", "--push", "--tag", "v1")

    assert done.returncode == 3
    assert "the tag v1 of" in done.stderr
    assert "hint: push under a new tag, with --tag NEW" in done.stderr
    assert ecr.saw("PUT", "/manifests/") == []
    assert done.stdout == ""


def test_imagekits_own_tag_may_be_immutable(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry
) -> None:
    """In a repository of others: pushed by digest alone, and that is said."""
    aws.make("team/app", imageTagMutability="IMMUTABLE")
    succeeded(in_ecr.run("build", "--push"))
    edit(in_ecr)
    done = succeeded(in_ecr.run("build", "--push"))

    digest = done.stdout.strip().partition("@")[2]
    assert ecr.repositories["team/app"].images[digest].tags == set()
    assert "keeps imagekit-app-x86_64 where it is: pushed by digest alone" in done.stderr


def test_create_without_push_is_a_mistake(in_ecr: Project) -> None:
    """Exit 2."""
    done = in_ecr.run("build", "--create")

    assert done.returncode == 2
    assert "hint: add `--push`" in done.stderr
