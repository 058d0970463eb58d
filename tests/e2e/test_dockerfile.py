"""`imagekit dockerfile`: printed without any Docker, whatever the function's packaging."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.daemon.fake_engine import FakeEngine, Said
from tests.e2e.projects import Project, write_project, write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel

NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "DOCKER_BUILDKIT": "1"}


@pytest.fixture
def project(zipped: Project, aws_base: str) -> Project:
    """A function that is a ZIP, with a base that it would have as an image."""
    zipped.replace('python = "3.13"', f'python = "3.13"\nbase = "{aws_base}"')
    return zipped.with_env(**NO_DOCKER)


def test_of_a_zip(project: Project) -> None:
    """A base by digest, the package's step, the source: nothing on stdout but the file."""
    done = succeeded(project.run("dockerfile"))
    lines = done.stdout.splitlines()

    assert lines[0].startswith("# app for linux/amd64")
    assert any(line.startswith("FROM ") and "/lambda/python@sha256:" in line for line in lines)
    assert "#   demo==1.0" in lines
    assert lines[-1] == "ADD source.tar /"
    assert project.made() == []


def test_the_verdict_is_not_changed(project: Project) -> None:
    """Who looks at a Dockerfile has decided nothing."""
    project.replace('packaging = "zip"\n', "")
    project.build()
    before = (project.folder / "imagekit.lock").read_text(encoding="utf-8")
    succeeded(project.run("dockerfile"))

    assert project.build()["packaging"] == "zip"
    after = (project.folder / "imagekit.lock").read_text(encoding="utf-8")
    assert set(before.splitlines()) <= set(after.splitlines())


def test_for_a_builder_without_mounts(project: Project) -> None:
    """Stages instead."""
    text = succeeded(project.run("dockerfile", "--no-mounts")).stdout

    assert "--mount" not in text
    assert "COPY --from=layer-1 /var/task/ /var/task/" in text


def test_a_folder_that_needs_no_imagekit(project: Project) -> None:
    """Everything that the file names is in it; no lock, no configuration, no index."""
    done = succeeded(project.run("dockerfile", "--output", "context"))
    assert done.stdout == "context\n"
    context = project.folder / "context"
    found = {p.relative_to(context).as_posix() for p in context.rglob("*") if p.is_file()}

    assert found == {
        *(".dockerignore", "Dockerfile", "source.tar", "tools/settle.py", "tools/uv"),
        *("layers/demo/demo-1.0-py3-none-any.whl", "layers/demo/dropped.json"),
    }
    for path in found:
        assert (context / path).stat().st_nlink == 1, "nobody writes into the store by accident"


@pytest.mark.parametrize("where", ["context", "context/file"])
def test_a_folder_that_is_not_empty(project: Project, where: str) -> None:
    """Nothing is overwritten: exit 2."""
    (project.folder / "context").mkdir()
    (project.folder / "context" / "file").touch()
    done = project.run("dockerfile", "--output", where)

    assert done.returncode == 2, done.stderr
    assert "is not an empty folder" in done.stderr
    assert "hint: " in done.stderr


def test_one_function_at_a_time(project: Project) -> None:
    """With several, one is named; with several architectures, one of those: exit 2."""
    project.replace(
        "[functions.app]", '[functions.other]\nhandler = "app.handler"\n[functions.app]'
    )
    done = project.run("dockerfile")
    assert done.returncode == 2
    assert "hint: imagekit dockerfile other" in done.stderr
    succeeded(project.run("dockerfile", "app"))

    project.replace('python = "3.13"', 'python = "3.13"\narchitecture = ["x86_64", "arm64"]')
    done = project.run("dockerfile", "app")
    assert done.returncode == 2
    assert "hint: imagekit dockerfile app --arch x86_64" in done.stderr


def test_a_projects_own_template(project: Project) -> None:
    """Named by the configuration; what is wrong in it is told with its place: exit 2."""
    project.replace('handler = "app.handler"', 'handler = "app.handler"\ndockerfile = "own.j2"')
    project.replace('packaging = "zip"\n', "")
    own = project.folder / "own.j2"
    own.write_text("FROM {{ base }}\n# mine, of {{ function }}\n", encoding="utf-8")
    assert succeeded(project.run("dockerfile")).stdout.endswith("# mine, of app\n")

    own.write_text("FROM {{ base }\n", encoding="utf-8")
    done = project.run("dockerfile")
    assert done.returncode == 2, done.stderr
    assert "own.j2: line 1: " in done.stderr
    assert "hint: " in done.stderr
    done = project.run("build", "--engine", "oci")
    assert done.returncode == 2
    assert "app asks for a Dockerfile of its own (own.j2)" in done.stderr


def test_uv_of_another_platform(
    tmp_path: Path,
    wheels: Path,
    debian_both: str,
    runtime_client: Path,
    uv_env: Callable[[Index], dict[str, str]],
) -> None:
    """The tool runs inside the image: for arm64 it comes out of uv's wheel for arm64."""
    from importlib.metadata import version

    make_wheel(
        wheels,
        "uv",
        version("uv"),
        {},
        tag="py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64",
        data={"scripts": {"uv": b"\x7fELF of arm64", "uvx": b"another"}},
    )
    folder = write_project(
        tmp_path / "project",
        keys={"base": debian_both, "architecture": "arm64", "bytecode": False},
    )
    with Index(wheels, runtime_client) as index:
        write_pylock(folder, wheels.glob("demo*.whl"), index)
        project = Project(folder=folder, env={**uv_env(index), **NO_DOCKER})
        succeeded(project.run("dockerfile", "--output", "context"))

    uv = folder / "context/tools/uv"
    assert uv.read_bytes() == b"\x7fELF of arm64"
    assert uv.stat().st_mode & 0o111
    assert "linux/arm64" in (folder / "context/Dockerfile").read_text(encoding="utf-8")


def test_no_engine(imaged: Project) -> None:
    """Exit 3, and what to do; nothing on stdout."""
    done = imaged.run("build", "--engine", "docker", env=NO_DOCKER)

    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "no Docker Engine answers at unix:///nonexistent/docker.sock" in done.stderr
    assert "hint: start Docker" in done.stderr


def test_an_engine_that_is_too_old(imaged: Project) -> None:
    """Exit 3 with both versions: Amazon Linux 2023 does not run on it."""
    old = Said({"ApiVersion": "1.40", "Version": "19.03.15", "Arch": "amd64"})
    with FakeEngine({"/version": old}) as engine:
        done = imaged.run("build", "--engine", "docker", env={"DOCKER_HOST": engine.host})

    assert done.returncode == 3, done.stderr
    assert "is 19.03.15" in done.stderr
    assert "20.10.10 or later" in done.stderr
    assert "hint: update Docker" in done.stderr
    assert imaged.made() == []


def test_a_registry_that_the_engine_cannot_reach(imaged: Project) -> None:
    """The engine's own words: exit 3."""
    refusal = Said({"message": "dial tcp: lookup registry: no such host"}, status=500)
    with FakeEngine({"/images/create": refusal}) as engine:
        done = imaged.run("build", "--engine", "docker", env={"DOCKER_HOST": engine.host})

    assert done.returncode == 3, done.stderr
    assert "docker pull " in done.stderr
    assert "no such host" in done.stderr
