"""Images from ECR onto functions: by digest, checked in the registry itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.world import ROLE, Clock, World
from tests.e2e.projects import Project
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront
from tests.services.ecr_registry import EcrRegistry
from tests.services.lambda_front import DESCRIBING, LambdaFront, lambda_front
from tests.services.moto import forget

CREATE = ("--create", "--role", ROLE, "--alias", "live")


@pytest.fixture
def front(aws: EcrFront) -> Iterator[LambdaFront]:
    """Lambda with an empty account."""
    forget(aws.moto)
    with lambda_front(aws.moto) as served:
        yield served


@pytest.fixture
def world(aws: EcrFront, front: LambdaFront) -> World:
    """An account with a role in it."""
    found = World(moto=aws.moto, front=front, clock=Clock())
    found.role()
    return found


@pytest.fixture
def pushed(in_ecr: Project, world: World) -> Project:
    """An image that was built and pushed, and was not deployed yet."""
    found = in_ecr.with_env(AWS_ENDPOINT_URL_LAMBDA=world.front.url)
    push(found)
    return found


def push(project: Project) -> str:
    """Build and push; the reference by digest."""
    return succeeded(project.run("build", "--push", "--create")).stdout.strip()


def deploy(project: Project, *arguments: str) -> dict[str, Any]:
    """A deployment that succeeds; its one function as JSON."""
    done = succeeded(project.run("deploy", *arguments, "--json"))
    (found,) = json.loads(done.stdout)["functions"]
    return dict(found)


def test_newest_push_is_deployed_by_digest(pushed: Project, front: LambdaFront) -> None:
    """Nothing is named: what was pushed last. Again: nothing is called."""
    reference = push(pushed)
    made = deploy(pushed, *CREATE)

    assert made["image"] == reference
    assert "@sha256:" in reference
    (created,) = [one for one in front.seen if one.operation == "CreateFunction"]
    assert created.body["Code"] == {"ImageUri": reference}
    assert created.body["PackageType"] == "Image"
    front.forget()
    assert deploy(pushed, "--alias", "live")["state"] == "unchanged"
    assert set(front.operations()) <= DESCRIBING


def test_tag_is_resolved_before_lambda_hears_of_it(pushed: Project, front: LambdaFront) -> None:
    """A tag may move between two calls (L7)."""
    reference = push(pushed)
    host = reference.partition("@")[0]
    made = deploy(pushed, "--image", f"{host}:imagekit-app-x86_64", *CREATE)

    assert made["image"] == reference


def test_new_image_and_back_without_an_alias(pushed: Project, world: World) -> None:
    """The prior version's image by its digest."""
    first = push(pushed)
    deploy(pushed, "--create", "--role", ROLE)
    (pushed.folder / "app.py").write_text("def handler(e, c):\n    return 2\n", encoding="utf-8")
    second = push(pushed)
    assert deploy(pushed)["image"] == second != first
    succeeded(pushed.run("rollback"))

    found = world.place.functions.get("app")
    assert found is not None
    assert found.image == first
    assert [one.version for one in world.place.functions.versions("app")] == ["1", "2"]


def test_image_that_is_not_there_is_refused(
    pushed: Project, front: LambdaFront, ecr: EcrRegistry
) -> None:
    """The registry itself is asked, and Lambda is not."""
    gone = f"{ecr.host}/team/app@sha256:{'0' * 64}"
    done = pushed.run("deploy", "--image", gone, *CREATE)

    assert done.returncode == 1
    assert f"{gone} is not in its registry" in done.stderr
    assert front.changes() == []


def test_a_tag_that_the_registry_has_not(
    pushed: Project, front: LambdaFront, ecr: EcrRegistry
) -> None:
    """Who names an image is not told to build one; also where a stage has its own repository."""
    typo = f"{ecr.host}/team/app:typo"
    path = pushed.folder / "imagekit.toml"
    for stage in ((), ("--stage", "prod")):
        done = pushed.run("deploy", "--image", typo, *CREATE, *stage)
        assert done.returncode == 1, done.stderr
        told = f"{typo} is not in its registry: {ecr.host}/team/app has no tag typo"
        assert told in done.stderr
        assert "hint: aws ecr list-images --repository-name team/app --registry-id" in done.stderr
        stages = '[stages.prod]\nrepository = "prod/{function}"\n'
        path.write_text(path.read_text(encoding="utf-8") + stages, encoding="utf-8")
    assert front.changes() == []


def test_image_of_another_region_is_refused(pushed: Project, front: LambdaFront) -> None:
    """Lambda reads from its own region only; with the command that brings it there (L1)."""
    reference = push(pushed)
    env = {"AWS_REGION": "us-east-1"}
    done = pushed.run("deploy", "--image", reference, *CREATE, env=env)

    assert done.returncode == 1
    assert "lies in eu-west-1 and the function in us-east-1" in done.stderr
    assert f"hint: imagekit promote {reference}" in done.stderr
    assert front.changes() == []


def test_archive_onto_an_image_function(pushed: Project, front: LambdaFront) -> None:
    """A function's package type never changes (L9): refused before anything is sent."""
    deploy(pushed, *CREATE)
    succeeded(pushed.run("build", "--packaging", "zip"))
    front.forget()
    done = pushed.run("deploy", "--zip", "dist/app.zip", "--alias", "live")

    assert done.returncode == 1
    assert "the function runs an image and this is a ZIP" in done.stderr
    assert front.changes() == []


def test_build_that_was_not_pushed_is_no_image_to_deploy(pushed: Project) -> None:
    """The newest build lies on this disk alone."""
    (pushed.folder / "app.py").write_text("def handler(e, c):\n    return 3\n", encoding="utf-8")
    succeeded(pushed.run("build"))
    done = pushed.run("deploy")

    assert done.returncode == 2
    assert "the newest build of app was not pushed" in done.stderr
    assert "hint: imagekit build --push app" in done.stderr


def test_stage_runs_the_same_digest_from_its_own_repository(pushed: Project, aws: EcrFront) -> None:
    """Not there yet: the command that brings it; then by the same digest."""
    reference = push(pushed)
    digest = reference.partition("@")[2]
    stages = '[stages.prod]\nrepository = "prod/{function}"\nalias = "live"\n'
    path = pushed.folder / "imagekit.toml"
    path.write_text(path.read_text(encoding="utf-8") + stages, encoding="utf-8")
    aws.make("prod/app")
    missing = pushed.run("deploy", "--stage", "prod", "--create", "--role", ROLE)
    assert missing.returncode == 1
    assert f"imagekit promote {reference} prod/app" in missing.stderr

    succeeded(pushed.run("promote", reference, "prod/app"))
    made = deploy(pushed, "--stage", "prod", "--create", "--role", ROLE)
    assert made["image"].endswith(f"/prod/app@{digest}")


@pytest.mark.parametrize("name", ["{}.dkr.ecr-fips.{}.amazonaws.com", "{}.dkr-ecr.{}.on.aws"])
def test_other_names_of_ecr_are_deployed_by_the_classic_one(
    pushed: Project, front: LambdaFront, name: str
) -> None:
    """Lambda reads from the classic host alone (L2, L3)."""
    reference = push(pushed)
    host, _, rest = reference.partition("/")
    account, region = host.split(".")[0], host.split(".")[3]
    made = deploy(pushed, "--image", f"{name.format(account, region)}/{rest}", *CREATE)

    assert made["image"] == reference
