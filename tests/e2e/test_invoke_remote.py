"""`imagekit invoke --remote`: the deployed function, on moto behind the Lambda front."""

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


@pytest.fixture
def front(moto: str) -> Iterator[LambdaFront]:
    """Lambda with an empty account."""
    forget(moto)
    with lambda_front(moto) as served:
        yield served


@pytest.fixture
def project(zipped: Project, moto: str, front: LambdaFront, tmp_path: Path) -> Project:
    """A ZIP project whose function is deployed."""
    world = World(moto=moto, front=front, clock=Clock())
    world.role()
    env = {
        **world.environ,
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    found = zipped.with_env(**env)
    succeeded(found.run("build"))
    succeeded(found.run("deploy", "--create", "--role", ROLE))
    return found


def test_answer_and_log(project: Project) -> None:
    """Lambda's answer on stdout, the end of its log on stderr; no Docker is asked."""
    done = succeeded(project.run("invoke", "app", "--remote", "--event", '{"n": 1}'))

    assert json.loads(done.stdout) == {"answer": 42}
    assert "REPORT RequestId: " in done.stderr


def test_failed_function_is_exit_1(project: Project, front: LambdaFront) -> None:
    """Its error is the answer, as it is here."""
    front.broken.add("app:$LATEST")
    done = project.run("invoke", "--remote")

    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["errorType"] == "ImportError"


def test_function_that_is_not_there(project: Project) -> None:
    """AWS refused: exit 3."""
    done = project.run("invoke", "other", "--remote")

    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "invoke other" in done.stderr
