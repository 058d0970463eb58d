"""`system` and `run`: what only Docker can put into an image."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.projects import Project, write_project, write_pylock
from tests.services import apt, debian
from tests.services.cli import succeeded
from tests.services.containers import Function, forget, lambda_container
from tests.services.images import MadeLayer, layer_of, put_image
from tests.services.index import Index
from tests.services.needs import have, leave_out, needs

APP = """\
import ctypes
import pathlib

import demo


def handler(event, context):
    ctypes.CDLL("libgomp.so.1")
    return [demo.ANSWER, pathlib.Path("/opt/made-by-run").read_text(), event]
"""


@pytest.fixture
def sources(test_cache: Path, tmp_path: Path) -> Iterator[str]:
    """A line for `sources.list`: a repository on loopback with libgomp1."""
    needs("system packages", "apt-get", "dpkg-deb")
    try:
        debs = apt.download(test_cache / "debs")
    except (apt.CannotDownload, subprocess.TimeoutExpired) as error:
        leave_out("system packages", str(error))
    have("system packages", "libgomp1")
    with apt.repository(debs, tmp_path / "repository") as line:
        yield line


@pytest.fixture
def base(registry: str, debian_layer: MadeLayer, sources: str, tmp_path: Path) -> str:
    """The Debian base, whose apt asks that repository and nobody else."""
    own = layer_of({"etc/apt/sources.list": sources.encode()}, tmp_path)
    name = f"system:{tmp_path.name.lower()}"
    put_image(registry, name, [debian_layer, own], debian.DEBIAN_CONFIG)
    return f"{registry}/{name}"


@pytest.fixture
def project(
    tmp_path: Path,
    wheels: Path,
    runtime_client: Path,
    base: str,
    docker_engine: str,
    uv_env: Callable[[Index], dict[str, str]],
) -> Iterator[Project]:
    """A function that needs libgomp1, and a file that a `run` step makes with its package."""
    step = "python3.13 -c 'import demo; print(demo.ANSWER)' > /opt/made-by-run"
    folder = write_project(
        tmp_path / "project",
        keys={"base": base},
        function={"system": ["libgomp1"], "run": [step]},
        files={"app.py": APP},
    )
    with Index(wheels, runtime_client) as index:
        write_pylock(folder, wheels.glob("*.whl"), index)
        yield Project(folder=folder, env={**uv_env(index), "DOCKER_HOST": docker_engine})


def test_system_packages_and_steps_from_configuration_to_answer(
    project: Project, registry: str, docker_engine: str
) -> None:
    """`auto` takes an image and Docker, and says why; it passes the checks, runs, and answers.
    After a code change only the last step runs, measured by what the builder says it ran."""
    plan = json.loads(succeeded(project.run("plan", "--json")).stdout)["functions"][0]
    assert plan["packaging"] == "image"
    assert "system packages (libgomp1) and 1 run step" in plan["why"]
    assert plan["docker_for"] == ["system packages (libgomp1)", "1 run step"]
    shown = succeeded(project.run("plan")).stdout
    assert "  engine    docker, for system packages (libgomp1) and 1 run step\n" in shown

    target = ("--push", "--to", f"{registry}/system-function:1")
    first = project.build(*target)
    ran = first["steps"]["run"]
    assert [step.split()[0] for step in ran] == ["RUN", "RUN", "RUN", "WORKDIR", "RUN", "ADD"]
    assert "libgomp1" in ran[0]
    succeeded(project.run("check", first["reference"]))
    assert answers(docker_engine, first["reference"]) == [42, "42\n", {"n": 1}]

    project.replace("return [demo.ANSWER", "return [demo.ANSWER + 1", "app.py")
    second = project.build(*target)
    assert second["steps"] == {"run": ["ADD source.tar /"], "cached": len(ran) - 1}
    assert second["sent_bytes"] < 20_000, "the layer of the code, the config, and no more"
    assert answers(docker_engine, second["reference"]) == [43, "42\n", {"n": 1}]


def answers(engine: str, image: str) -> object:
    with lambda_container(engine, Function(image=image)) as running:
        return running.invoke({"n": 1}).body


def test_a_package_that_the_distribution_has_not(project: Project) -> None:
    """Exit 1 with apt's own words."""
    project.replace('"libgomp1"', '"no-such-package"')
    done = project.run("build")

    assert done.returncode == 1, done.stderr
    assert "Unable to locate package no-such-package" in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.parametrize("arguments", [("build", "--engine", "oci")])
def test_no_engine_but_docker(project: Project, arguments: tuple[str, ...]) -> None:
    """Refused in plain words before anything is made: exit 2."""
    done = project.run(*arguments)

    assert done.returncode == 2, done.stderr
    assert "--engine oci runs no program in an image, and app asks for system packages" in (
        done.stderr
    )
    assert project.made() == []


def test_a_zip_has_neither(project: Project) -> None:
    """Asked for on the command line: exit 2, with the function's place and a hint."""
    done = project.run("build", "--packaging", "zip")

    assert done.returncode == 2, done.stderr
    assert "imagekit.toml: functions.app: a ZIP has no system packages (libgomp1)" in done.stderr
    assert "hint: " in done.stderr


def test_a_base_with_steps_of_its_own(project: Project, base: str, docker_engine: str) -> None:
    """Docker makes the base, once; functions on it need no Docker: `auto` is the oci engine."""
    definition = project.folder / "base_images" / "team" / "base.toml"
    definition.parent.mkdir(parents=True)
    definition.write_text(
        f'from = "{base}"\nsystem = ["libgomp1"]\nrun = ["echo 42 > /opt/made-by-run"]\n',
        encoding="utf-8",
    )
    project.replace(f'base = "{base}"', 'base = "team"\npackaging = "image"')
    text = (project.folder / "imagekit.toml").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith(("system", "run"))]
    (project.folder / "imagekit.toml").write_text("\n".join([*kept, ""]), encoding="utf-8")

    first = project.build("--complete", "--load")
    assert "steps" not in first, "the function itself was made without Docker"
    try:
        assert answers(docker_engine, "app:latest") == [42, "42\n", {"n": 1}]
    finally:
        forget(docker_engine, "app:latest")
    away = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    assert project.build(env=away)["digest"] == first["digest"]
