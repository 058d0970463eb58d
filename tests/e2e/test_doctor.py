"""`imagekit doctor`: everything that a release needs, looked at with calls that change nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.projects import Project, write_project
from tests.services.cli import Done, succeeded
from tests.services.ecr_front import EcrFront, Refusal
from tests.services.ecr_registry import EcrRegistry, Stored
from tests.services.functions import Functions, Version
from tests.services.moto import ACCOUNT

LOOKS = ("Describe", "Get", "List")


@pytest.fixture
def functions() -> Iterator[Functions]:
    """A function `app` that runs images."""
    with Functions([Version(name="app", image="x@sha256:" + "0" * 64)]) as served:
        yield served


@pytest.fixture
def project(tmp_path: Path, aws: EcrFront, functions: Functions) -> Project:
    """One function, in `team/app`."""
    keys = {"repository": "team/{function}", "packaging": "image"}
    folder = write_project(tmp_path / "project", keys=keys)
    return Project(folder=folder, env={**aws.env, "AWS_ENDPOINT_URL_LAMBDA": functions.url})


def found(done: Done) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Findings of `--json` by where and state."""
    by: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in json.loads(done.stdout)["findings"]:
        by.setdefault((one["where"], one["state"]), []).append(one)
    return by


def test_all_there(project: Project, aws: EcrFront, ecr: EcrRegistry) -> None:
    """Exit 0; only calls that describe were made."""
    aws.make("team/app")
    done = succeeded(project.run("doctor"))

    assert "nothing is missing: imagekit release" in done.stderr
    assert done.stdout.startswith("ok       caller ")
    assert "team/app  is there: AES256, not scanned" in done.stdout
    assert "is there: image, x86_64" in done.stdout
    for one in aws.called():
        assert one.action.startswith(LOOKS), one.action
    assert ecr.seen == []


def test_what_is_missing_comes_with_what_mends_it(
    project: Project, aws: EcrFront, functions: Functions, ecr: EcrRegistry
) -> None:
    """Exit 1; after the commands it is 0."""
    functions.versions.clear()
    done = project.run("doctor", "--json")

    assert done.returncode == 1, done.stderr
    missing = found(done)
    (repository,) = missing[f"{ecr.host}/team/app", "missing"]
    (function,) = missing["app", "missing"]
    assert repository["hint"].startswith("imagekit build --push --create, or: aws ecr create-")
    assert function["hint"] == "imagekit deploy app --create --role ARN"
    assert "2 things are missing" in done.stderr
    assert aws.called("CreateRepository") == []

    aws.make("team/app")
    functions.versions.append(Version(name="app", image="x@sha256:" + "0" * 64))
    succeeded(project.run("doctor"))


def test_a_creation_template_makes_it(project: Project, ecr: EcrRegistry) -> None:
    """A repository that ECR makes on the first push is not missing (E2)."""
    ecr.templates["team"] = Stored()
    done = succeeded(project.run("doctor"))

    assert "is made by the first push (creation template team)" in done.stdout


def test_a_function_that_does_not_fit(
    project: Project, aws: EcrFront, functions: Functions
) -> None:
    """Package type and architecture, before a build of minutes."""
    aws.make("team/app")
    functions.versions[:] = [Version(name="app", architecture="arm64")]
    done = project.run("doctor", "--json")

    assert done.returncode == 1
    whats = [one["what"] for one in found(done)["app", "missing"]]
    assert any("packages as zip" in one for one in whats)
    assert any("runs on arm64" in one for one in whats)


def test_what_may_not_be_looked_at_is_not_called_missing(
    project: Project, aws: EcrFront, functions: Functions, ecr: EcrRegistry
) -> None:
    """Exit 3, AWS's own words, and the permission that is lacking."""
    said = "User: me is not authorized to perform: ecr:DescribeRepositories"
    aws.refuse(Refusal(action="DescribeRepositories", code="AccessDeniedException", message=said))
    functions.refused.add(project.env["AWS_ACCESS_KEY_ID"])
    done = project.run("doctor", "--json")

    assert done.returncode == 3
    unseen = found(done)
    (repository,) = unseen[f"{ecr.host}/team/app", "unseen"]
    assert said in repository["what"]
    assert "allow it ecr:DescribeRepositories" in repository["hint"]
    assert "allow it lambda:GetFunction" in unseen["app", "unseen"][0]["hint"]


def test_what_a_release_does_without_may_stay_unseen(project: Project, aws: EcrFront) -> None:
    """Lifecycle, templates and caches are looked at where that is allowed."""
    aws.make("team/app")
    for action in ("GetLifecyclePolicy", "DescribePullThroughCacheRules", "GetAccountSetting"):
        aws.refuse(Refusal(action=action, code="AccessDeniedException"))

    succeeded(project.run("doctor"))


def test_nobody_is_told_how_to_sign_in(project: Project) -> None:
    """No credentials: exit 3 and one finding."""
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    done = project.run("doctor", env=nobody)

    assert done.returncode == 3
    assert done.stdout.startswith("unseen   caller")
    assert "aws sso login" in done.stdout
    assert "1 thing could not be looked at" in done.stderr


def test_repositories_that_could_share(project: Project, aws: EcrFront, ecr: EcrRegistry) -> None:
    """Blob mounting and encryption, once for a registry (E13)."""
    with (project.folder / "imagekit.toml").open("a", encoding="utf-8") as config:
        config.write('[functions.two]\nhandler = "app.handler"\nlambda = { name = "app" }\n')
    aws.make("team/app")
    aws.make("team/two", encryptionConfiguration={"encryptionType": "KMS"})
    where = f"{ACCOUNT} in eu-west-1"
    off = found(succeeded(project.run("doctor", "--json")))[where, "advice"]
    ecr.mounting = True
    on = found(succeeded(project.run("doctor", "--json")))[where, "advice"]

    assert len(off) == 2
    assert "BLOB_MOUNTING" in off[0]["hint"]
    assert ["AES256 and KMS" in one["what"] for one in on] == [True]


STAGES = """
[stages.test]
alias = "live"
[stages.prod]
region = "us-east-1"
name = "{function}-prod"
"""


def test_every_stage_is_looked_at_by_itself(
    project: Project, aws: EcrFront, functions: Functions
) -> None:
    """Its region, its function's name, its alias; a stage must be named."""
    with (project.folder / "imagekit.toml").open("a", encoding="utf-8") as config:
        config.write(STAGES)
    aws.make("team/app")
    functions.versions[0].aliases = ("live",)
    unnamed = project.run("doctor")
    assert unnamed.returncode == 2
    assert "--stage" in unnamed.stderr

    test = succeeded(project.run("doctor", "--stage", "test"))
    assert "alias live is at version $LATEST" in test.stdout
    assert test.stderr.endswith("nothing is missing: imagekit release --stage test\n")
    prod = project.run("doctor", "--stage", "prod", "--json")
    assert prod.returncode == 1
    assert ("app-prod (prod)", "missing") in found(prod)
    assert (f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/app", "missing") in found(prod)


def test_policy_is_for_this_project(project: Project, aws: EcrFront) -> None:
    """One call, to know the account; the ARNs are those of the configuration."""
    done = succeeded(project.run("doctor", "--policy"))
    policy = json.loads(done.stdout)
    by = {one["Sid"]: one for one in policy["Statement"]}

    assert policy["Version"] == "2012-10-17"
    assert by["BuildPush"]["Resource"] == [f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/app"]
    assert f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:app" in by["Deploy"]["Resource"]
    assert [one.action for one in aws.called()] == ["GetCallerIdentity"]


def test_policy_without_credentials_names_every_account(project: Project, aws: EcrFront) -> None:
    """Whoever writes the role of a pipeline may have none yet; that is said."""
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    done = succeeded(project.run("doctor", "--policy", env=nobody))

    assert "warning: the account of the caller is not known" in done.stderr
    assert "arn:aws:lambda:*:*:function:app" in done.stdout


def test_half_a_pair_of_keys_is_said(project: Project) -> None:
    """An access key without its secret is nobody, not a bug."""
    done = project.run("doctor", env={"AWS_SECRET_ACCESS_KEY": ""})

    assert done.returncode == 3
    assert "Partial credentials found" in done.stdout


def test_shared_layers(project: Project, aws: EcrFront, ecr: EcrRegistry) -> None:
    """Advice where the repository is missing, as a release goes through without; where it is there,
    whether its blobs can be mounted."""
    project.replace("[functions.app]", 'layer_repository = "team/layers"\n[functions.app]')
    aws.make("team/app")
    done = succeeded(project.run("doctor"))
    assert "team/layers  there is no such repository: layers are not shared" in done.stdout
    assert "--repository-name team/layers" in done.stdout

    aws.make("team/layers")
    there = succeeded(project.run("doctor"))
    assert "team/layers  is there for layers: AES256" in there.stdout
    assert "blob mounting is off" in there.stdout
    assert "put-account-setting --name BLOB_MOUNTING" in there.stdout


def test_the_policy_has_shared_layers(project: Project) -> None:
    """Pulled and pushed by builds; nobody else needs them."""
    project.replace("[functions.app]", 'layer_repository = "team/layers"\n[functions.app]')
    policy = json.loads(succeeded(project.run("doctor", "--policy")).stdout)
    by = {one["Sid"]: one for one in policy["Statement"]}

    assert by["BuildLayers"]["Resource"] == [
        f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/layers"
    ]
    assert "ecr:PutImage" in by["BuildLayers"]["Action"]
    assert by["GcImages"]["Resource"] == [f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/app"]
