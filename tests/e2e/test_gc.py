"""`imagekit gc`: nothing that a function may need is deleted; the rest is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.projects import Project, write_project
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront, Refusal
from tests.services.ecr_registry import EcrRegistry
from tests.services.functions import Functions, Version
from tests.services.moto import ACCOUNT

OTHER = "210987654321"
OTHER_KEY = "AKIAOTHEROTHEROTHER0"


@pytest.fixture
def functions() -> Iterator[Functions]:
    """Lambda's lists, two at a page."""
    with Functions() as served:
        yield served


@pytest.fixture
def project(tmp_path: Path, aws: EcrFront, functions: Functions) -> Project:
    """A project whose images lie in `team/app`, with two profiles on this machine."""
    aws.make("team/app")
    aws.accounts[OTHER_KEY] = OTHER
    profiles = tmp_path / "credentials"
    profiles.write_text(
        f"[other]\naws_access_key_id = {OTHER_KEY}\naws_secret_access_key = x\n", encoding="utf-8"
    )
    folder = write_project(tmp_path / "project", keys={"repository": "team/{function}"})
    env = {"AWS_ENDPOINT_URL_LAMBDA": functions.url, "AWS_SHARED_CREDENTIALS_FILE": str(profiles)}
    return Project(folder=folder, env={**aws.env, **env})


@pytest.fixture
def images(ecr: EcrRegistry, project: Project) -> list[str]:
    """Seven images of `team/app`, the oldest first."""
    return [ecr.add("team/app", {"n": number}, days=20 - number) for number in range(7)]


def run_by(ecr: EcrRegistry, digest: str) -> str:
    """As ResolvedImageUri has it."""
    return f"{ecr.host}/team/app@{digest}"


def left(ecr: EcrRegistry) -> set[str]:
    """What the repository has."""
    return set(ecr.repositories["team/app"].images)


def test_what_no_version_runs_is_said_and_deleted(
    project: Project, aws: EcrFront, ecr: EcrRegistry, functions: Functions, images: list[str]
) -> None:
    """Dry unless told; `$LATEST` and versions of every page count, newest ones stay."""
    functions.versions = [
        Version(name="app", image=run_by(ecr, images[1])),
        *(Version(name="app", version=str(n), image=run_by(ecr, images[n])) for n in (1, 2, 3)),
        Version(name="zip"),
        *(Version(name=f"other{n}", image="elsewhere/x@sha256:" + "0" * 64) for n in range(5)),
        Version(name="last", image=run_by(ecr, images[4])),
    ]
    dry = succeeded(project.run("gc", "--keep", "1"))
    unused = [images[5], images[0]]

    assert dry.stdout.splitlines() == [run_by(ecr, one) for one in unused]
    assert "2 of 7 images unused" in dry.stderr
    assert "nothing was deleted: imagekit gc --apply deletes 2 images" in dry.stderr
    assert aws.called("BatchDeleteImage") == []

    done = succeeded(project.run("gc", "--keep", "1", "--apply"))
    assert "deleted 2 images" in done.stderr
    assert left(ecr) == set(images) - set(unused)
    assert "nothing to delete" in succeeded(project.run("gc", "--keep", "1")).stderr


def test_lambda_is_asked_where_a_code_is_no_digest_of_ours(
    project: Project, ecr: EcrRegistry, functions: Functions, images: list[str]
) -> None:
    """ResolvedImageUri decides; each unknown code is asked for once."""
    functions.versions = [
        Version(name="app", image=run_by(ecr, images[0]), code="f" * 64),
        *(
            Version(name="app", version=str(n), image=run_by(ecr, images[0]), code="f" * 64)
            for n in range(1, 4)
        ),
    ]
    done = succeeded(project.run("gc", "--keep", "0", "--json"))
    (found,) = json.loads(done.stdout)["repositories"]

    why = {one["digest"]: one["why"] for one in found["images"]}
    assert why[images[0]] == "run by app:$LATEST,1,2,3"
    assert [one for one in functions.calls if "Qualifier" in one] != []
    assert len([one for one in functions.calls if "Qualifier" in one]) == 1


def test_what_lambda_does_not_say_ends_it(
    project: Project, functions: Functions, images: list[str], ecr: EcrRegistry
) -> None:
    """Exit 3: a version whose image is not known may run any of them."""
    functions.versions = [Version(name="app", image="team/app", code="")]
    done = project.run("gc", "--apply")

    assert done.returncode == 3
    assert "does not say which image app:$LATEST" in done.stderr
    assert left(ecr) == set(images)


@pytest.mark.parametrize("who", ["ours", "another account's"])
def test_functions_that_cannot_be_read_end_it(
    project: Project, functions: Functions, images: list[str], ecr: EcrRegistry, who: str
) -> None:
    """Exit 3 with the permission that is missing; nothing is deleted anywhere."""
    key = OTHER_KEY if who != "ours" else project.env["AWS_ACCESS_KEY_ID"]
    functions.refused.add(key)
    done = project.run("gc", "--apply", "--account", "other")

    assert done.returncode == 3
    assert "is not authorized to perform: lambda:Read" in done.stderr
    assert "lambda:ListFunctions" in done.stderr
    assert left(ecr) == set(images)


def test_an_account_that_the_policy_lets_in_must_be_read(
    project: Project, aws: EcrFront, ecr: EcrRegistry, functions: Functions, images: list[str]
) -> None:
    """Exit 3 until that account is named; then what it runs stays."""
    principal = {"AWS": f"arn:aws:iam::{OTHER}:root"}
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    statement = {"Sid": "x", "Effect": "Allow", "Principal": principal, "Action": actions}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    body = {"repositoryName": "team/app", "policyText": policy}
    aws.pass_on("ecr", "eu-west-1", ACCOUNT, "SetRepositoryPolicy", body)
    functions.by_key[OTHER_KEY] = [Version(name="theirs", image=run_by(ecr, images[0]))]
    refused = project.run("gc", "--apply", "--keep", "0")

    assert refused.returncode == 3
    assert f"functions of account {OTHER} may run images of {ecr.host}/team/app" in refused.stderr
    assert "--account PROFILE" in refused.stderr
    assert left(ecr) == set(images)

    succeeded(project.run("gc", "--apply", "--keep", "0", "--account", "other"))
    assert left(ecr) == {images[0]}


def test_every_stage_is_read_as_itself(
    project: Project, aws: EcrFront, ecr: EcrRegistry, functions: Functions, images: list[str]
) -> None:
    """A stage of another account runs the same repository: its role reads what it runs."""
    with (project.folder / "imagekit.toml").open("a", encoding="utf-8") as config:
        config.write(f'[stages.prod]\nrole_arn = "arn:aws:iam::{OTHER}:role/deploy"\n')
        config.write('[stages.test]\nregion = "eu-west-1"\n')
    own = project.env["AWS_ACCESS_KEY_ID"]
    functions.by_key[own] = [Version(name="app", image=run_by(ecr, images[0]))]
    functions.versions = [Version(name="app-prod", image=run_by(ecr, images[1]))]
    arguments = ("gc", f"{ecr.host}/team/app", "--keep", "0", "--apply")
    succeeded(project.run(*arguments))

    assert left(ecr) == {images[0], images[1]}
    assert len(aws.called("AssumeRole")) == 1
    assert len({one.partition(" ")[0] for one in functions.calls}) == 2


def test_a_policy_for_everybody_needs_a_word(
    project: Project, aws: EcrFront, ecr: EcrRegistry, images: list[str]
) -> None:
    """No list of accounts is whole; `--anyway` says that it is."""
    statement = {"Sid": "x", "Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    body = {"repositoryName": "team/app", "policyText": policy}
    aws.pass_on("ecr", "eu-west-1", ACCOUNT, "SetRepositoryPolicy", body)

    done = project.run("gc")
    assert done.returncode == 3
    assert "any account" in done.stderr
    assert len(succeeded(project.run("gc", "--anyway")).stdout.splitlines()) == 2


def test_many_are_listed_page_by_page_and_deleted_by_the_hundred(
    project: Project, aws: EcrFront, ecr: EcrRegistry
) -> None:
    """ECR takes 100 at once; what another one deleted meanwhile is no error."""
    for number in range(230):
        ecr.add("team/app", {"n": number}, days=2 + number)
    succeeded(project.run("gc", "--apply", "--keep", "0"))

    sizes = [len(one.body["imageIds"]) for one in aws.called("BatchDeleteImage")]
    assert sizes == [100, 100, 30]
    assert len(aws.called("DescribeImages")) == 3
    assert left(ecr) == set()


def test_an_index_goes_before_its_parts(project: Project, aws: EcrFront, ecr: EcrRegistry) -> None:
    """ECR refuses the other order."""
    part = ecr.add("team/app", {"n": 1}, days=5)
    ecr.add("team/app", {"manifests": [{"digest": part}]}, days=4)
    succeeded(project.run("gc", "--apply", "--keep", "0"))

    assert left(ecr) == set()


def test_throttling_is_waited_for(
    project: Project, aws: EcrFront, ecr: EcrRegistry, functions: Functions, images: list[str]
) -> None:
    """A rate exceeded is no reason to give up."""
    functions.throttled = 2
    aws.refuse(Refusal(action="DescribeImages", code="ThrottlingException", times=1))

    assert len(succeeded(project.run("gc")).stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["public.ecr.aws/x/y"], 2, "is no private ECR"),
        (["team/none"], 3, "there is no repository team/none"),
        (["--stage", "prod"], 2, "there is no stage 'prod'"),
        (["--keep", "-1"], 2, "--keep"),
        (["--account", "nobody"], 3, "aws configure list-profiles"),
    ],
)
def test_wrong_words_are_refused(
    project: Project, arguments: list[str], status: int, said: str
) -> None:
    """What cannot be meant, or is not there."""
    done = project.run("gc", *arguments)

    assert done.returncode == status, done.stderr
    assert said in done.stderr
