"""Scoring with its packages in Lambda layers: as Lambda runs it, and by imagekit's own hands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.e2e.projects import EXAMPLES, Project, copy_example
from tests.services.cli import succeeded
from tests.services.containers import Function, lambda_container
from tests.services.index import Index
from tests.services.needs import needs

EVENT = json.loads((EXAMPLES / "scoring" / "event.json").read_text(encoding="utf-8"))
NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
LIMIT = 262_144_000


class Built(Struct, frozen=True, kw_only=True):
    """Scoring at `slim = "max"`, built and unzipped."""

    project: Project
    made: dict[str, Any]
    task: Path
    opt: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, scoring_index: Index, uv_cache: Path) -> Built:
    """examples/scoring without a base, its ZIP and layers unzipped as Lambda does."""
    needs("unzip", "unzip")
    folder = copy_example("scoring", tmp_path_factory.mktemp("scoring"))
    env = {
        "UV_DEFAULT_INDEX": scoring_index.url,
        "UV_CACHE_DIR": str(uv_cache),
        "UV_PYTHON_DOWNLOADS": "never",
        "IMAGEKIT_CACHE_DIR": str(tmp_path_factory.mktemp("layers-store")),
    }
    project = Project(folder=folder, env=env)
    keys = 'python = "3.13"\nslim = "max"'
    project.replace('base = "debian-python3.13"', keys, "pyproject.toml")
    made = project.build("--packaging", "zip-layers", env=NO_DOCKER)
    above = tmp_path_factory.mktemp("unzipped")
    task, opt = above / "task", above / "opt"
    archives = [(made["path"], task), *((one["path"], opt) for one in made["attaches"])]
    for path, target in archives:
        argv = ["unzip", "-q", "-o", str(Path(folder, path)), "-d", str(target)]
        subprocess.run(argv, check=True)
    for one in (above, task, opt):
        one.chmod(0o755)
    return Built(project=project, made=made, task=task, opt=opt)


def test_at_most_five_layers_below_the_limit(built: Built) -> None:
    """Heavy packages alone, the heaviest first, small ones together; the ZIP is the source."""
    made, layers = built.made, built.made["attaches"]

    assert layers[0]["parts"] == ["pyarrow"]
    assert {*layers[1]["parts"], *layers[2]["parts"], *layers[3]["parts"]} == {
        *("botocore", "numpy", "pandas")
    }
    assert len(layers) == 5
    assert len(layers[4]["parts"]) > 5
    code = sum(path.stat().st_size for path in built.task.rglob("*") if path.is_file())
    assert code < 50_000
    assert code + sum(layer["unzipped_bytes"] for layer in layers) == made["unzipped_bytes"] < LIMIT
    assert all(layer["size_bytes"] <= 52_428_800 for layer in layers), "none needs a bucket"
    succeeded(built.project.run("check", "scoring"))


def test_it_answers_with_a_read_only_root(built: Built, aws_base: str, docker_engine: str) -> None:
    """The same event as the image and the plain ZIP, with all packages from `/opt`."""
    function = Function(
        image=aws_base,
        handler="scoring.app.handler",
        mounts={built.task: "/var/task", built.opt: "/opt"},
        environment={"POWERTOOLS_SERVICE_NAME": "scoring"},
    )
    with lambda_container(docker_engine, function) as running:
        answer = running.invoke(EVENT, seconds=120)

    assert isinstance(answer.body, dict), answer.error
    scores = json.loads(answer.body["body"])["scores"]
    assert [(one["id"], one["blocked"]) for one in scores] == [("a-1", False), ("a-2", True)]


def test_plan_foresees_it(built: Built) -> None:
    """Which packages lie in which layer, and sizes with bytecode to 5 %."""
    plan = succeeded(built.project.run("plan", "--packaging", "zip-layers", "--json"))
    told = json.loads(plan.stdout)["functions"][0]
    text = succeeded(built.project.run("plan", "--packaging", "zip-layers")).stdout

    assert [one["parts"] for one in told["attaches"]] == [
        one["parts"] for one in built.made["attaches"]
    ]
    for foreseen, made in zip(told["attaches"], built.made["attaches"], strict=True):
        assert abs(foreseen["unzipped_bytes"] / made["unzipped_bytes"] - 1) < 0.05, made["name"]
    assert "attaches  imagekit-pyarrow-python3-13-x86_64: about " in text


def test_another_code_makes_the_same_layers(built: Built) -> None:
    """Layers follow their packages alone: a change of your code sends your code alone."""
    app = built.project.folder / "src" / "scoring" / "app.py"
    text = app.read_text(encoding="utf-8")
    app.write_text(f"{text}\n\nMORE = {'more ' * 200!r}\n", encoding="utf-8")
    try:
        again = built.project.build("--packaging", "zip-layers", env=NO_DOCKER)
    finally:
        app.write_text(text, encoding="utf-8")

    assert again["digest"] != built.made["digest"]
    assert [one["digest"] for one in again["attaches"]] == [
        one["digest"] for one in built.made["attaches"]
    ]


def test_invoke_runs_it_on_its_base(zipped: Project, aws_base: str, docker_engine: str) -> None:
    """The ZIP over /var/task and its layers over /opt; a built ZIP takes those beside it."""
    zipped.replace('packaging = "zip"', f'packaging = "zip-layers"\nbase = "{aws_base}"')
    project = zipped.with_env(DOCKER_HOST=docker_engine)
    done = succeeded(project.run("invoke", "app", "--event", '{"n": 1}'))
    assert json.loads(done.stdout) == {"answer": 42, "event": {"n": 1}}
    succeeded(project.run("bench", "app", "-n", "1", "--json"))
    told = json.loads(succeeded(project.run("plan", "--compare", "--json")).stdout)["compared"]
    starts = {one["packaging"]: one["start"] for one in told if "start" in one}
    assert list(starts) == ["zip-layers"]
    assert (starts["zip-layers"]["count"], starts["zip-layers"]["current"]) == (1, True)

    project.build()
    there = project.with_env(IMAGEKIT_CACHE_DIR=str(project.folder / "other-store"))
    layer = project.folder / "dist" / "app.layer-1.zip"
    layer.rename(layer.with_suffix(".away"))
    lost = there.run("invoke", "dist/app.zip")
    assert lost.returncode == 2
    assert "the layer imagekit-app-packages-python3-13-x86_64" in lost.stderr
