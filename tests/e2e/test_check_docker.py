"""`imagekit check docker:NAME`, for those who keep their Dockerfile."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.projects import Project
from tests.services.cli import Done, imagekit, succeeded
from tests.services.docker import connect
from tests.services.images import MadeLayer

FINE = """
FROM scratch
ADD base.tar.gz /
WORKDIR /var/task
RUN mkdir awslambdaric && touch awslambdaric/__init__.py awslambdaric/__main__.py app.py
ENTRYPOINT ["/usr/bin/python3.13", "-m", "awslambdaric"]
CMD ["app.handler"]
"""
BROKEN = """
RUN mkdir -p /opt/extensions && echo hello > /opt/extensions/note && chmod 600 app.py
CMD ["gone.handler"]
"""

Built = Callable[[str], str]


@pytest.fixture
def built(docker_engine: str, debian_layer: MadeLayer) -> Iterator[Built]:
    """Builds an image from a Dockerfile on Debian's files; gone when the test ends."""
    client: Any = connect(docker_engine)
    names: list[str] = []

    def build(dockerfile: str) -> str:
        names.append(f"imagekit-test-check-docker:{len(names)}")
        client.images.build(
            fileobj=_context(dockerfile.encode(), debian_layer.path),
            custom_context=True,
            tag=names[-1],
            network_mode="none",
            rm=True,
            forcerm=True,
        )
        return names[-1]

    try:
        yield build
    finally:
        for name in names:
            client.images.remove(name, force=True)
        client.close()


def _context(dockerfile: bytes, layer: Path) -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(dockerfile)
        archive.addfile(info, io.BytesIO(dockerfile))
        archive.add(layer, "base.tar.gz")
    out.seek(0)
    return out


def check(image: str, folder: Path, engine: str, *more: str) -> Done:
    return imagekit("check", f"docker:{image}", *more, cwd=folder, env={"DOCKER_HOST": engine})


def test_an_image_that_docker_built(built: Built, docker_engine: str, tmp_path: Path) -> None:
    """Every layer is read, none is unseen; what runs has warnings at most. No project is needed."""
    done = succeeded(check(built(FINE), tmp_path, docker_engine, "--json"))
    report = json.loads(done.stdout)

    assert report["ok"]
    assert report["unseen"] == []
    assert {finding["severity"] for finding in report["findings"]} <= {"warning"}
    assert {"M15", "M22", "M23", "T1", "P2", "X1"} <= set(report["rules"])
    assert list(tmp_path.iterdir()) == []


def test_one_that_lambda_would_refuse(built: Built, docker_engine: str, tmp_path: Path) -> None:
    """Exit 1, each rule with its place and Lambda's own words."""
    name = built(FINE + BROKEN)
    done = check(name, tmp_path, docker_engine)

    assert done.returncode == 1, done.stderr
    assert "error M22" in done.stdout
    assert "error X1" in done.stdout
    assert "opt/extensions/note: others may not run it" in done.stdout
    assert "Lambda would say: Extension.LaunchError" in done.stdout
    assert done.stderr.startswith(f"docker:{name}  ")


def test_an_image_that_build_loaded(imaged: Project, docker_engine: str) -> None:
    """The name that `build --load` prints is what `check` takes."""
    there = imaged.with_env(DOCKER_HOST=docker_engine)
    said = succeeded(there.run("build", "--load")).stdout.strip()
    try:
        done = succeeded(there.run("check", said))
    finally:
        client: Any = connect(docker_engine)
        client.images.remove(said.removeprefix("docker:"), force=True)
        client.close()

    assert "unseen" not in done.stdout


def test_no_image_of_that_name(docker_engine: str, tmp_path: Path) -> None:
    """Docker has none: exit 3 and what to type."""
    done = check("imagekit-test-nobody:1", tmp_path, docker_engine)

    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "hint: docker pull imagekit-test-nobody:1" in done.stderr


def test_no_name_at_all(tmp_path: Path) -> None:
    """The input is wrong: exit 2, and Docker is not even asked."""
    done = check("", tmp_path, "unix:///nonexistent/docker.sock")

    assert done.returncode == 2, done.stderr
    assert "hint: " in done.stderr


def test_without_docker(tmp_path: Path) -> None:
    """No engine: exit 3 and what to do."""
    done = check("app", tmp_path, "unix:///nonexistent/docker.sock")

    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert "no Docker Engine answers at unix:///nonexistent/docker.sock" in done.stderr
    assert "hint: start Docker" in done.stderr
