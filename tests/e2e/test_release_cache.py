"""What a function runs is a cache, too: where no tag names the newest image, Lambda knows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.world import ROLE
from tests.e2e.projects import Project, write_pylock
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront
from tests.services.ecr_registry import EcrRegistry
from tests.services.index import Index
from tests.services.lambda_front import LambdaFront
from tests.services.wheels import make_wheel


@pytest.fixture
def stale(
    in_ecr: Project, functions: LambdaFront, aws: EcrFront, wheels: Path, index: Index
) -> Project:
    """A repository with immutable tags: imagekit's own one names an image without `late`, which the
    function that is deployed has."""
    aws.make("team/app", imageTagMutability="IMMUTABLE")
    project = in_ecr.with_env(AWS_ENDPOINT_URL_LAMBDA=functions.url)
    succeeded(project.run("release", "--create", "--role", ROLE, "--alias", "live"))
    make_wheel(wheels, "late", "1.0", {"late.py": b"L = 1\n" * 1000})
    write_pylock(project.folder, wheels.glob("*.whl"), index)
    succeeded(project.run("lock"))
    release(project)
    with (project.folder / "app.py").open("a", encoding="utf-8") as source:
        source.write("\n# changed\n")
    index.forget()
    functions.forget()
    aws.forget()
    return project


def release(project: Project, *arguments: str, **options: Any) -> dict[str, Any]:
    """A release that succeeds, as JSON."""
    done = succeeded(project.run("release", "--alias", "live", *arguments, "--json", **options))
    return dict(json.loads(done.stdout))


def test_layers_come_from_what_is_deployed(
    stale: Project, ecr: EcrRegistry, index: Index, functions: LambdaFront, tmp_path: Path
) -> None:
    """From an empty disk no wheel is fetched, nor looked at: the running image tells it all, once.
    None of its blobs is asked for again."""
    images = ecr.repositories["team/app"].images
    before = set(images)
    assert [len(one.tags) for one in images.values()] == [1, 0]
    found = release(stale, env={"IMAGEKIT_CACHE_DIR": str(tmp_path / "fresh")})

    assert not index.requests
    assert found["deployments"][0]["version"] == "3"
    assert found["functions"][0]["digest"] not in before
    assert ecr.saw("HEAD", "/blobs/") == []
    assert len(ecr.saw("PUT", "/blobs/uploads/")) == 2


@pytest.mark.parametrize("empty", [False, True])
def test_lambda_is_asked_once_before_it_is_deployed_to(
    stale: Project, functions: LambdaFront, tmp_path: Path, empty: bool
) -> None:
    """Whether it would refuse, and for an empty disk what it runs, is one question."""
    release(stale, env={"IMAGEKIT_CACHE_DIR": str(tmp_path / "fresh")} if empty else {})
    looked = functions.operations()[: functions.operations().index("UpdateFunctionCode")]

    assert looked == ["GetFunction", "GetFunction", "GetAlias", "GetFunction"]


@pytest.mark.parametrize("command", [("build", "--push"), ("release", "--no-deploy")])
def test_who_does_not_deploy_does_not_ask_lambda(
    stale: Project, index: Index, functions: LambdaFront, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A build may have no right to: the wheel is fetched."""
    succeeded(stale.run(*command, env={"IMAGEKIT_CACHE_DIR": str(tmp_path / "fresh")}))

    assert functions.operations() == []
    assert set(index.downloads()) == {"late-1.0-py3-none-any.whl"}


def test_a_lambda_that_cannot_be_asked_ends_a_release_at_once(
    stale: Project, ecr: EcrRegistry, index: Index, tmp_path: Path
) -> None:
    """Exit 3 before a wheel is fetched or a layer sent; the same command completes it later."""
    env = {
        "IMAGEKIT_CACHE_DIR": str(tmp_path / "fresh"),
        "AWS_ENDPOINT_URL_LAMBDA": "http://[::1]:9",
    }
    before = len(ecr.saw("PUT"))
    done = stale.run("release", "--alias", "live", env=env)

    assert done.returncode == 3
    assert not index.downloads()
    assert len(ecr.saw("PUT")) == before


def test_no_reuse_asks_for_nothing(
    stale: Project, ecr: EcrRegistry, index: Index, functions: LambdaFront, tmp_path: Path
) -> None:
    """`--no-reuse`: neither the tag's image nor the function's."""
    release(stale, "--no-reuse", env={"IMAGEKIT_CACHE_DIR": str(tmp_path / "fresh")})

    assert len(index.downloads()) == 2
