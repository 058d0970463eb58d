"""Which docker command builds: found out by starting those that there are."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagekit.engines.docker.build import Job, command
from imagekit.engines.docker.clients import Builder, find_builder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="clients here are shell scripts")

OLD = "Docker version 20.10.24+dfsg1, build 297e128"
NEW = "Docker version 28.2.2, build e6534b4"


def client(folder: Path, version: str, *, buildx: bool = False) -> Path:
    """A docker command that knows its version, and perhaps the plugin."""
    folder.mkdir()
    plugin = "echo github.com/docker/buildx v0.12" if buildx else "echo unknown >&2; exit 1"
    path = folder / "docker"
    path.write_text(
        f'#!/bin/sh\ncase "$1" in\n--version) echo "{version}";;\nbuildx) {plugin};;\nesac\n'
    )
    path.chmod(0o755)
    return path


def environ(*folders: Path, **more: str) -> Mapping[str, str]:
    return {"PATH": os.pathsep.join(map(str, folders)), **more}


def test_buildx_wherever_on_path(tmp_path: Path) -> None:
    """The first client that has the plugin, even behind one that could build by itself."""
    old = client(tmp_path / "a", OLD)
    with_plugin = client(tmp_path / "b", NEW, buildx=True)
    found = find_builder(environ(old.parent, with_plugin.parent), tmp_path)

    assert found == Builder(kind="buildx", argv=(str(with_plugin), "buildx", "build"))


def test_a_newer_client_without_the_plugin_is_passed_over(tmp_path: Path) -> None:
    """From 23 on a client has no BuildKit but the plugin; an older one behind it has."""
    new, old = client(tmp_path / "a", NEW), client(tmp_path / "b", OLD)
    found = find_builder(environ(new.parent, old.parent), tmp_path)

    assert found == Builder(kind="built-in", argv=(str(old), "build"))


def test_the_classic_builder_says_why(tmp_path: Path) -> None:
    """As the last resort."""
    new = client(tmp_path / "a", NEW)

    found = find_builder(environ(new.parent), tmp_path)
    assert (found.kind, found.argv) == ("classic", ())
    assert found.why == f"{new} has no buildx plugin"
    (tmp_path / "empty").mkdir()
    assert find_builder(environ(tmp_path / "empty"), tmp_path).why == "there is no docker command"


def test_the_same_program_is_asked_once(tmp_path: Path) -> None:
    """/bin is /usr/bin on most systems."""
    new = client(tmp_path / "a", NEW)
    (tmp_path / "b").symlink_to(new.parent)

    found = find_builder(environ(new.parent, tmp_path / "b"), tmp_path)
    assert found.why == f"{new} has no buildx plugin"


def test_a_user_may_ask_for_the_classic_builder(tmp_path: Path) -> None:
    """As with docker itself: DOCKER_BUILDKIT=0."""
    old = client(tmp_path / "a", OLD)

    found = find_builder(environ(old.parent, DOCKER_BUILDKIT="0"), tmp_path)
    assert (found.kind, found.why) == ("classic", "DOCKER_BUILDKIT is 0")


def test_a_client_that_does_not_start(tmp_path: Path) -> None:
    """Is none."""
    broken = client(tmp_path / "a", OLD)
    broken.write_text("#!/nonexistent/sh\n")

    assert find_builder(environ(broken.parent), tmp_path).kind == "classic"


def job(tmp_path: Path) -> Job:
    return Job(
        context=tmp_path / "context", scratch=tmp_path, platform="linux/arm64", network="none"
    )


def test_attestations_are_off_where_they_are_known(tmp_path: Path) -> None:
    """Lambda refuses the index that BuildKit makes with them (M2); older clients know no such."""
    buildx = Builder(kind="buildx", argv=("docker", "buildx", "build"))
    argv = command(buildx, "unix:///x", job(tmp_path), tmp_path / "id")
    assert argv[:5] == ("docker", "--host", "unix:///x", "buildx", "build")
    assert {"--provenance=false", "--sbom=false", "--load", "--builder=default"} <= set(argv)
    assert {"--platform=linux/arm64", "--network=none"} <= set(argv)

    older = Builder(kind="built-in", argv=("docker", "build"))
    argv = command(older, "unix:///x", job(tmp_path), tmp_path / "id")
    assert not any(word.startswith(("--provenance", "--sbom", "--builder")) for word in argv)
    assert not any(word.startswith("--tag") for word in argv), "nothing is tagged by a build"
