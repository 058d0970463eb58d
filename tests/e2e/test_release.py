"""`imagekit release`: from a project to traffic on a new version, on ECR's and Lambda's fronts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.world import ROLE, Clock, World
from tests.e2e.projects import Project
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront
from tests.services.ecr_registry import EcrRegistry
from tests.services.index import Index
from tests.services.lambda_front import DESCRIBING, LambdaFront, lambda_front

CREATE = ("--create", "--role", ROLE, "--alias", "live")


@pytest.fixture
def functions(moto: str, aws: EcrFront) -> Iterator[LambdaFront]:
    """Lambda with an empty account, and the role that functions run as."""
    with lambda_front(moto) as front:
        World(moto=moto, front=front, clock=Clock()).role()
        yield front


@pytest.fixture
def released(in_ecr: Project, functions: LambdaFront) -> Project:
    """The project, released once from nothing."""
    found = in_ecr.with_env(AWS_ENDPOINT_URL_LAMBDA=functions.url)
    succeeded(found.run("release", *CREATE))
    return found


def release(project: Project, *arguments: str, **options: Any) -> dict[str, Any]:
    """A release that succeeds, as JSON."""
    done = succeeded(project.run("release", "--alias", "live", *arguments, "--json", **options))
    return dict(json.loads(done.stdout))


def change(project: Project, answer: int) -> None:
    text = f"import demo\n\n\ndef handler(event, context):\n    return {answer}\n"
    (project.folder / "app.py").write_text(text, encoding="utf-8")


def test_from_nothing_and_again(
    released: Project, aws: EcrFront, ecr: EcrRegistry, functions: LambdaFront
) -> None:
    """Again: nothing is sent, and Lambda is only looked at; the count of requests is known."""
    functions.forget()
    aws.forget()
    again = release(released)

    assert again["functions"][0]["sent_bytes"] == 0
    assert again["deployments"][0]["version"] == "1"
    assert set(functions.operations()) <= DESCRIBING
    assert ecr.saw("PUT") == ecr.saw("POST") == ecr.saw("PATCH") == []
    assert len(ecr.saw("GET")) + len(ecr.saw("HEAD")) <= 5
    assert len(functions.operations()) <= 4


def test_a_code_change_publishes_and_moves_the_alias(
    released: Project, ecr: EcrRegistry, functions: LambdaFront
) -> None:
    """Code, wait, publish, alias, in that order; the version before is named."""
    change(released, 2)
    functions.forget()
    found = release(released)

    changing = [one for one in functions.operations() if one not in DESCRIBING]
    assert changing == ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"]
    assert found["deployments"][0]["version"] == "2"
    assert found["deployments"][0]["was"] == "1"
    assert found["functions"][0]["digest"] in found["deployments"][0]["image"]


def test_an_empty_disk_makes_the_source_alone(
    released: Project, index: Index, functions: LambdaFront, tmp_path: Path
) -> None:
    """A fresh runner with a code change: the index is not asked, and little is computed."""
    change(released, 3)
    index.forget()
    before = os.times()
    found = release(released, env={"IMAGEKIT_CACHE_DIR": str(tmp_path / "fresh")})
    after = os.times()

    assert not index.requests
    assert found["deployments"][0]["version"] == "2"
    # CPU time, which tells nothing of what else the machine does; 0 on Windows.
    assert after.children_user - before.children_user < 5


def test_a_rollback_and_forward_again(released: Project, functions: LambdaFront) -> None:
    """Back to the version before; the next release moves forward again."""
    change(released, 4)
    release(released)
    back = succeeded(released.run("rollback", "--alias", "live", "--json"))
    assert json.loads(back.stdout)["functions"][0]["version"] == "1"
    forward = release(released)

    assert forward["deployments"][0]["version"] == "2"


def test_stages_promote_and_deploy_in_waves(
    released: Project, ecr: EcrRegistry, functions: LambdaFront
) -> None:
    """Built once; each stage has the same digest in its own repository; one that fails stops
    the waves after it."""
    text = (released.folder / "imagekit.toml").read_text(encoding="utf-8")
    stages = (
        'stage_order = [["test"], ["prod"]]\n'
        + text
        + '\n[stages.test]\nname = "{function}-test"\nalias = "live"\n'
        + f'repository = "team/test/{{function}}"\nlambda = {{ role = "{ROLE}" }}\n'
        + '\n[stages.prod]\nname = "{function}-prod"\nalias = "live"\n'
        + f'repository = "team/prod/{{function}}"\nlambda = {{ role = "{ROLE}" }}\n'
    )
    (released.folder / "imagekit.toml").write_text(stages, encoding="utf-8")
    done = released.run("release")
    assert done.returncode == 2, "a release says where to"
    assert "--stage test" in done.stderr

    found = json.loads(
        succeeded(
            released.run("release", "--stage", "test", "--stage", "prod", "--create", "--json")
        ).stdout
    )
    digests = {one["image"].rpartition("@")[2] for one in found["deployments"]}
    names = [one["name"] for one in found["deployments"]]
    assert names == ["app-test", "app-prod"]
    assert digests == {found["functions"][0]["digest"]}
    assert {one["image"].partition("@")[0].partition("/")[2] for one in found["deployments"]} == {
        "team/test/app",
        "team/prod/app",
    }


def test_no_deploy_stops_after_the_push(
    in_ecr: Project, ecr: EcrRegistry, functions: LambdaFront
) -> None:
    """Lambda is not asked; the reference is on stdout."""
    project = in_ecr.with_env(AWS_ENDPOINT_URL_LAMBDA=functions.url)
    done = succeeded(project.run("release", "--no-deploy", "--create"))

    assert done.stdout.startswith(f"{ecr.host}/team/app@sha256:")
    assert functions.operations() == []


def test_the_plan_makes_and_changes_nothing(
    in_ecr: Project, aws: EcrFront, ecr: EcrRegistry, functions: LambdaFront
) -> None:
    """Every step in words; what a release would refuse is refused; nothing but looks is made."""
    project = in_ecr.with_env(AWS_ENDPOINT_URL_LAMBDA=functions.url)
    missing = project.run("release", "--plan", "--alias", "live")
    assert missing.returncode == 1
    assert "there is no function app" in missing.stderr
    assert "hint: add `--create --role ARN`" in missing.stderr
    nowhere = project.run("release", "--plan", "--no-deploy")
    assert nowhere.returncode == 3
    assert "there is no repository team/app" in nowhere.stderr

    host = f"{ecr.host}/team/app"
    done = succeeded(project.run("release", "--plan", *CREATE)).stdout.splitlines()
    assert done[0].startswith("app: make 2 of 2 layers (demo, source; ")
    assert done[1] == f"app: make the repository {host}"
    assert done[2].startswith(f"app: push to {host}:imagekit-app-x86_64: at most about ")
    assert done[3].startswith("app: at most: create the function (x86_64, 1024 MB, 30 s, as ")
    assert done[3].endswith(f" with {host}@(what is made)")
    assert done[4:] == [
        "app: at most: publish a version (base 3.13)",
        "app: at most: create the alias live at that version",
    ]
    assert set(functions.operations()) <= DESCRIBING
    assert ecr.saw("PUT") == ecr.saw("POST") == []
    assert project.made() == []


def test_the_plan_where_nothing_differs(
    released: Project, ecr: EcrRegistry, functions: LambdaFront, tmp_path: Path
) -> None:
    """Known without a build: from the store, and on an empty disk from the image before."""
    functions.forget()
    here = planned(released)
    fresh = planned(released, env={"IMAGEKIT_CACHE_DIR": str(tmp_path / "fresh")})

    assert here[0] == "make no layer, and check the image"
    assert fresh[0].startswith("make 1 of 2 layers (source; ")
    assert fresh[0].endswith(", take 1 from the registry, and check the image")
    assert here[1:] == fresh[1:]
    assert here[1].startswith(f"push nothing: {ecr.host}/team/app:imagekit-app-x86_64 is sha256:")
    assert here[2:] == ["nothing differs"]
    assert set(functions.operations()) <= DESCRIBING
    functions.forget()
    assert len(planned(released, "--no-deploy")) == 2
    assert functions.operations() == []


@pytest.mark.parametrize("packaging", ["zip", "zip-layers"])
def test_the_plan_of_a_zip(
    zipped: Project, aws: EcrFront, functions: LambdaFront, packaging: str
) -> None:
    """Its digest is known once it is made: all is told at most, and nothing is missing."""
    project = zipped.with_env(**aws.env, AWS_ENDPOINT_URL_LAMBDA=functions.url)
    asked = ("release", "--plan", "--packaging", packaging, *CREATE)
    lines = succeeded(project.run(*asked)).stdout.splitlines()

    assert lines[0] == "app: fetch 1 part, then make the ZIP and check it"
    told = [one for one in lines[1:] if "publish the layer" not in one]
    assert told[0].startswith("app: at most: create the function (python3.13, x86_64, ")
    assert told[-1] == "app: at most: create the alias live at that version"
    assert len(lines) - len(told) == 1 + (packaging == "zip-layers")
    assert set(functions.operations()) <= DESCRIBING
    assert project.made() == []


def planned(project: Project, *arguments: str, **options: Any) -> list[str]:
    """The steps of the one function, from the document."""
    asked = () if "--no-deploy" in arguments else ("--alias", "live")
    done = succeeded(project.run("release", "--plan", *asked, *arguments, "--json", **options))
    found = json.loads(done.stdout)
    assert found["schema"] == 1
    assert all((one["function"], one["stage"]) == ("app", None) for one in found["steps"])
    return [one["what"] for one in found["steps"]]


def test_others_take_it_over(released: Project, tmp_path: Path) -> None:
    """Terraform's variables, GitHub's outputs and summary, the metadata file: one digest in all."""
    output, step = tmp_path / "output", tmp_path / "summary.md"
    output.write_text("before=1\n", encoding="utf-8")
    found = release(
        released,
        "--tfvars",
        str(tmp_path / "images.auto.tfvars.json"),
        "--metadata-file",
        str(tmp_path / "release.json"),
        env={"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(step)},
    )
    reference = found["functions"][0]["reference"]
    digest = reference.rpartition("@")[2]

    tfvars = json.loads((tmp_path / "images.auto.tfvars.json").read_text(encoding="utf-8"))
    assert tfvars == {"images": {"app": reference}}
    assert json.loads((tmp_path / "release.json").read_text(encoding="utf-8")) == found
    assert output.read_text(encoding="utf-8").splitlines() == [
        "before=1",
        f'images={{"app": "{reference}"}}',
        f"image={reference}",
        f"digest={digest}",
    ]
    assert reference in step.read_text(encoding="utf-8")


@pytest.mark.parametrize("shard", ["0/2", "3/2", "two", "1/", "/2"])
def test_shards_that_are_none(released: Project, shard: str) -> None:
    """Refused before anything is read."""
    done = released.run("release", "--shard", shard)

    assert done.returncode == 2
    assert "--shard 1/3" in done.stderr


def test_shards_share_the_functions(
    released: Project, functions: LambdaFront, ecr: EcrRegistry
) -> None:
    """Two machines: each releases its part, together all of them, none twice."""
    text = (released.folder / "imagekit.toml").read_text(encoding="utf-8")
    more = "".join(f'\n[functions.more{n}]\nhandler = "app.handler"\n' for n in range(4))
    (released.folder / "imagekit.toml").write_text(text + more, encoding="utf-8")
    succeeded(released.run("lock"))
    parts = [
        [
            one["name"]
            for one in json.loads(
                succeeded(released.run("release", "--shard", f"{n}/2", *CREATE, "--json")).stdout
            )["functions"]
        ]
        for n in (1, 2)
    ]

    assert sorted(parts[0] + parts[1]) == ["app", "more0", "more1", "more2", "more3"]
    assert abs(len(parts[0]) - len(parts[1])) == 1
