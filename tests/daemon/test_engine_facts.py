"""What an engine says of itself, and what it is asked to do with images."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.daemon.engine import connect
from imagekit.model.errors import RemoteRefused
from tests.daemon.fake_engine import FakeEngine, Said


def test_version_machine_and_networks() -> None:
    """An engine without a bridge has its containers use the host's network."""
    bridge = Said([{"Driver": "host"}, {"Driver": "bridge", "Name": "bridge"}])
    alone = Said([{"Driver": "host"}, {"Driver": "null"}])
    version = Said({"ApiVersion": "1.41", "Version": "20.10.24+dfsg1", "Arch": "arm64"})
    for networks, has_bridge in ((bridge, True), (alone, False)):
        answers = {"/version": version, "/networks": networks}
        with FakeEngine(answers) as engine, connect({"DOCKER_HOST": engine.host}) as found:
            assert (found.version, found.machine) == ("20.10.24+dfsg1", "arm64")
            assert found.has_bridge is has_bridge
            assert found.host == engine.host


def test_an_image_that_is_not_there() -> None:
    """None, not an error: it can be pulled or loaded."""
    missing = Said({"message": "No such image: x:1"}, status=404)
    there = Said({"Id": "sha256:aa"})
    with (
        FakeEngine({"/images/x:1/json": missing, "/images/y:1/json": there}) as engine,
        connect({"DOCKER_HOST": engine.host}) as found,
    ):
        assert found.id_of("x:1") is None
        assert found.id_of("y:1") == "sha256:aa"


def test_what_an_engine_refuses(tmp_path: Path) -> None:
    """Every request is told with the engine's own words: exit 3."""
    refusal = Said({"message": "the storage is broken"}, status=500)
    paths = ("/images/x:1/json", "/images/create", "/build", "/networks", "/system/df")
    with (
        FakeEngine(dict.fromkeys(paths, refusal)) as engine,
        connect({"DOCKER_HOST": engine.host}) as found,
    ):
        (tmp_path / "Dockerfile").write_text("FROM scratch\n")
        for ask in (
            lambda: found.id_of("x:1"),
            lambda: found.tag("x:1", "y:1"),
            lambda: found.pull("registry.example/x@sha256:" + "0" * 64, ("me", "hunter2")),
            lambda: list(found.build(tmp_path, network="none", platform="linux/amd64")),
            lambda: found.has_bridge,
            found.usage,
        ):
            with pytest.raises(RemoteRefused) as raised:
                ask()
            assert "the storage is broken" in " ".join(raised.value.causes)
            assert "hunter2" not in str(raised.value)


def test_an_image_that_is_gone_already_is_forgotten() -> None:
    """Nothing is left to do; an image that has a name is not ours to remove."""
    gone = Said({"message": "No such image: sha256:aa"}, status=404)
    named = Said({"Id": "sha256:bb", "RepoTags": ["mine:1"]})
    with (
        FakeEngine({"/images/sha256:aa/json": gone, "/images/sha256:bb/json": named}) as engine,
        connect({"DOCKER_HOST": engine.host}) as found,
    ):
        found.forget("sha256:aa")
        found.forget("sha256:bb")
