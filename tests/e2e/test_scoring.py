"""The real function: built with no Docker, accepted by the checks, run as Lambda runs it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.projects import EXAMPLES, Project, copy_example, read_config, read_manifest
from tests.services.cli import succeeded
from tests.services.containers import Function, lambda_container
from tests.services.index import Index
from tests.services.needs import needs

EVENT = json.loads((EXAMPLES / "scoring" / "event.json").read_text(encoding="utf-8"))
NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.fixture
def pushed(scoring: Project, registry: str) -> str:
    """Scoring built and pushed; the reference as stdout gave it."""
    done = succeeded(
        scoring.run("build", "--push", "--to", f"{registry}/scoring:e2e", env=NO_DOCKER)
    )
    reference, end = done.stdout.split("\n", 1)
    assert end == "", "stdout is the reference alone"
    assert scoring.made() == [], "a layout is written only where --output is given"
    return reference


def test_pushed_image_answers_in_the_sandbox_of_lambda(
    pushed: str, docker_engine: str, scoring: Project
) -> None:
    """Read-only, uid 993, the real runtime client: two events in, two scored batches out."""
    assert "@sha256:" in pushed
    succeeded(scoring.run("check", pushed))
    with lambda_container(docker_engine, Function(image=pushed)) as function:
        first, second = function.invoke(EVENT), function.invoke(EVENT)

    assert first.error is None, first.error
    assert isinstance(first.body, dict)
    scores = json.loads(first.body["body"])["scores"]
    assert [(each["id"], each["blocked"]) for each in scores] == [("a-1", False), ("a-2", True)]
    assert second.body == first.body
    assert function.api.recorded.user_agents[0].startswith("aws-lambda-python/3.13")


def test_hello_zip_answers_in_the_same_container(
    pushed: str,
    docker_engine: str,
    tmp_path: Path,
    hello_wheels: Path,
    uv_env: Callable[[Index], dict[str, str]],
) -> None:
    """The ZIP, unzipped by `unzip` over /var/task of the scoring image, greets."""
    needs("unzip", "unzip")
    with Index(hello_wheels) as index:
        hello = Project(folder=copy_example("hello", tmp_path), env=uv_env(index))
        done = succeeded(hello.run("build", env=NO_DOCKER))
    archive = Path(hello.folder, done.stdout.strip())
    assert archive == hello.folder / "dist" / "hello.zip"
    succeeded(hello.run("check", archive))

    task = tmp_path / "task"
    subprocess.run(["unzip", "-q", str(archive), "-d", str(task)], check=True)
    for folder in (tmp_path, task):
        folder.chmod(0o755)
    function = Function(image=pushed, handler="hello.handler", mounts={task: "/var/task"})
    with lambda_container(docker_engine, function) as container:
        answer = container.invoke({"name": "Ada", "count": 3_500_000})

    assert isinstance(answer.body, dict), answer.error
    assert answer.body["message"] == "Hello, Ada! 3.5 million"


def test_layout_on_disk_says_what_it_is(scoring: Project) -> None:
    """A sparse layout names its base; the image keeps the base's environment, one-element CMD."""
    made = scoring.build(env=NO_DOCKER)
    layout = Path(scoring.folder, made["path"])
    assert layout == scoring.folder / "dist" / "scoring.oci"
    succeeded(scoring.run("check", layout))

    descriptor = json.loads((layout / "index.json").read_text(encoding="utf-8"))["manifests"][0]
    assert descriptor["annotations"]["dev.imagekit.sparse"] == "true"
    assert descriptor["digest"] == made["digest"]
    config = read_config(layout)["config"]
    assert config["Cmd"] == ["scoring.app.handler"]
    assert any(each.startswith("PATH=/usr/local/sbin") for each in config["Env"])
    assert "POWERTOOLS_SERVICE_NAME=scoring" in config["Env"]
    assert read_manifest(layout)["mediaType"].startswith("application/vnd.docker."), (
        "the manifest's family follows the base"
    )


def test_plan_is_right_and_downloads_nothing(scoring: Project, scoring_index: Index) -> None:
    """`plan` reads wheels' directories by ranges: exact unzipped sizes, no wheel fetched whole."""
    scoring.replace("[tool.imagekit]", "[tool.imagekit]\nbytecode = false", "pyproject.toml")
    scoring.replace('packaging = "image"', 'slim = "off"', "pyproject.toml")
    plan = json.loads(succeeded(scoring.run("plan", "--json")).stdout)["functions"][0]
    wheels = {
        path.name: path.stat().st_size for path in scoring_index.wheels() if "x86" in path.name
    }
    for name, size in wheels.items():
        sent = scoring_index.sent_bytes[f"/files/{name}"]
        assert sent < max(size // 10, 70_000), f"{name}: {sent} of {size} bytes were downloaded"
    built = scoring.build()

    assert plan["packaging"] == "image"
    assert "pyarrow" in plan["why"]
    assert plan["unzipped_bytes"] == built["unzipped_bytes"]
    assert [each["packages"] for each in plan["layers"]] == [
        each["packages"] for each in built["layers"]
    ]
