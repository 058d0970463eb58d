"""`imagekit bench --remote`: what Lambda's own REPORT lines say of fresh environments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.world import ROLE, Clock, World
from tests.e2e.projects import Project
from tests.services.cli import succeeded
from tests.services.lambda_front import LambdaFront, lambda_front
from tests.services.moto import forget

CREATE = ("--create", "--role", ROLE, "--alias", "live")
MB = 1024 * 1024


@pytest.fixture
def front(moto: str) -> Iterator[LambdaFront]:
    """Lambda with an empty account."""
    forget(moto)
    with lambda_front(moto) as served:
        yield served


@pytest.fixture
def configured(moto: str, front: LambdaFront, zipped: Project, tmp_path: Path) -> Project:
    """A function, and AWS on this machine."""
    world = World(moto=moto, front=front, clock=Clock())
    world.role()
    return zipped.with_env(
        **world.environ,
        AWS_CONFIG_FILE=str(tmp_path / "no-config"),
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "no-credentials"),
        AWS_EC2_METADATA_DISABLED="true",
    )


@pytest.fixture
def project(configured: Project, front: LambdaFront) -> Project:
    """The function, deployed behind an alias."""
    configured.build()
    succeeded(configured.run("deploy", *CREATE))
    front.forget()
    return configured


def test_cold_starts_come_from_reports(project: Project, front: LambdaFront) -> None:
    """Batch after batch, each on a version of its own; what is there stays as it is, and the next
    deployment finds nothing changed."""
    done = succeeded(project.run("bench", "--remote", "-n", "7", "--json"))
    (series,) = json.loads(done.stdout)["series"]

    assert [start["batch"] for start in series["starts"]] == [0] * 5 + [1] * 2
    assert sorted(start["init_ms"] for start in series["starts"])[0] == 391.75
    assert series["spread"]["memory_bytes"]["least"] == 101 * MB
    assert series["spread"]["billed_ms"]["least"] == 401
    assert (series["where"], series["memory_limit_mb"]) == ("lambda", 1024)
    assert front.operations().count("Invoke") == 7
    assert front.operations().count("PublishVersion") == 2
    assert front.operations().count("DeleteFunction") == 2
    assert "UpdateAlias" not in front.operations()
    assert "7 cold starts in Lambda" in done.stderr
    assert "aliases stay where they are" in done.stderr
    assert "nothing differs" in succeeded(project.run("deploy", "--alias", "live")).stderr


def test_calls_that_found_an_environment_do_not_count(project: Project, front: LambdaFront) -> None:
    """Two calls that one environment took are one cold start."""
    front.cold = 3
    done = succeeded(project.run("bench", "--remote", "-n", "5", "--json"))
    (series,) = json.loads(done.stdout)["series"]

    assert len(series["starts"]) == 3


def test_restoring_is_told_apart(project: Project, front: LambdaFront) -> None:
    """With SnapStart the table has what restoring took, and no INIT."""
    front.restores = True
    done = succeeded(project.run("bench", "--remote", "-n", "2"))

    assert "restore 302 ms" in done.stdout
    assert "init" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("app", "--packaging", "zip"), "--packaging, --env and --network are for"),
        (("app", "--env", "A=b"), "--packaging, --env and --network are for"),
        (("dist/app.zip",), "--remote is for functions"),
        (("app", "--stage", "nowhere"), "there is no stage 'nowhere'"),
    ],
)
def test_what_cannot_be_asked_of_lambda(
    configured: Project, front: LambdaFront, arguments: tuple[str, ...], words: str
) -> None:
    """Wrong words change nothing in AWS."""
    done = configured.run("bench", "--remote", *arguments)

    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert front.changes() == []


def test_a_function_that_is_not_deployed(configured: Project) -> None:
    """There is nothing to measure, and it says where it looked."""
    done = configured.run("bench", "--remote")

    assert done.returncode == 3
    assert "there is no function app in eu-west-1" in done.stderr


def test_no_cold_start_at_all_is_an_error(project: Project, front: LambdaFront) -> None:
    """A table of nothing would look like an answer."""
    front.cold = 0
    done = project.run("bench", "--remote", "-n", "1")

    assert done.returncode == 3
    assert "no call of app was a cold start" in done.stderr
