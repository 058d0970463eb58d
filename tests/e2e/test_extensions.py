"""Extensions end to end: pinned once, on top by descriptor, and nothing downloaded again."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contents.test_elf import AARCH64, X86_64, elf
from tests.e2e.projects import Project, read_config, read_manifest
from tests.services.docker import connect
from tests.services.front import Front
from tests.services.images import layer_of, put_image, put_index

pytestmark = pytest.mark.xdist_group("docker")

AGENT = b"#!/bin/sh\nexit 0\n"


@pytest.fixture
def front(registry: str) -> Iterator[Front]:
    """A counting front before the registry."""
    with Front(registry) as served:
        yield served


@pytest.fixture
def name(tmp_path: Path) -> str:
    """A repository of the test's own."""
    return f"ext/{re.sub('[^a-z0-9]+', '-', tmp_path.name.lower()).strip('-')}"


@pytest.fixture
def agent(registry: str, name: str, tmp_path: Path) -> str:
    """`REPOSITORY:1` in the registry: a program in /opt/extensions and what it reads."""
    layer = layer_of({"opt/extensions/agent": AGENT, "opt/agent/rules.json": b"{}" * 500}, tmp_path)
    put_image(registry, f"{name}:1", [layer], {})
    return f"{name}:1"


def extended(project: Project, *references: str) -> Project:
    """The project with these extensions for its function."""
    project.replace(
        'handler = "app.handler"',
        f'handler = "app.handler"\nextensions = {json.dumps(references)}',
    )
    return project


def blobs_read(front: Front) -> list[str]:
    return [each.path for each in front.saw("GET", "/blobs/")]


def refused(project: Project, status: int, *words: str) -> str:
    """The project cannot be planned: exit status, words on stderr, a hint, no lock."""
    done = project.run("plan")
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    for word in (*words, "hint: "):
        assert word in done.stderr, done.stderr
    return done.stderr


def mounted(engine: str, image: str) -> dict[str, tarfile.TarInfo]:
    """What lies below /opt in an image that Docker pulls."""
    client: Any = connect(engine)
    try:
        pulled = client.images.pull(image)
        container = client.containers.create(pulled.id, command=["x"])
        try:
            stream, _ = container.get_archive("/opt")
            with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
                return {member.name: member for member in tar}
        finally:
            container.remove(force=True)
            client.images.remove(pulled.id, force=True)
    finally:
        client.close()


def test_it_is_pushed_by_descriptor_and_runs(
    imaged: Project, front: Front, agent: str, name: str, docker_engine: str
) -> None:
    """The layer is on top of the base, executable, between base and own layers, and mounted.

    The manifest keeps the base's family, and the history says whose layer it is.
    """
    project = extended(imaged, f"{front.host}/{agent}")
    made = project.build("--push", "--to", f"{front.host}/{name}-function:one")

    files = mounted(docker_engine, made["reference"])
    assert files["opt/extensions/agent"].mode & 0o777 == 0o755
    assert "opt/agent/rules.json" in files
    assert made["mounted_bytes"] > 0
    project.run("build", "--output", "out")
    layout = project.folder / "out" / "app.oci"
    manifest, config = read_manifest(layout), read_config(layout)
    assert len({layer["mediaType"] for layer in manifest["layers"]}) == 1
    (said,) = [
        number
        for number, entry in enumerate(config["history"])
        if f"imagekit extension {front.host}/{agent}@sha256:" in entry.get("created_by", "")
    ]
    assert said == 2, "after the two layers of the base"
    assert len(config["history"]) == len(manifest["layers"]) == len(config["rootfs"]["diff_ids"])


def test_nothing_is_downloaded_after_pinning(imaged: Project, front: Front, agent: str) -> None:
    """The first build reads each layer once; with the lock an empty store asks for nothing."""
    project = extended(imaged, f"{front.host}/{agent}")
    first = project.build()
    assert len(blobs_read(front)) == 2, "the config and the one layer"
    front.forget()
    second = project.build("--locked")
    project.with_env(IMAGEKIT_CACHE_DIR=str(project.folder / "empty")).build("--locked")

    assert second["digest"] == first["digest"]
    assert front.seen == []


def test_the_lock_holds_a_pin_for_each_architecture(
    imaged: Project, registry: str, name: str, tmp_path: Path
) -> None:
    """A list of images gives each architecture its own digest, in a form that tools can move."""
    images = {
        architecture: put_image(
            registry,
            f"{name}:{architecture}",
            [
                layer_of(
                    {"opt/extensions/agent": elf(machine, None)},
                    tmp_path,
                    {"opt/extensions/agent": 0o755},
                )
            ],
            {},
            architecture=architecture,
        )
        for architecture, machine in (("amd64", X86_64), ("arm64", AARCH64))
    }
    put_index(registry, f"{name}:both", images)
    project = extended(imaged, f"{registry}/{name}:both")
    project.run("plan")
    project.replace("[functions.app]", 'architecture = "arm64"\n[functions.app]')
    project.run("plan")
    lock = (project.folder / "imagekit.lock").read_text(encoding="utf-8")

    for reference in images.values():
        digest = reference.partition("@")[2]
        assert f'reference = "{registry}/{name}:both@{digest}"' in lock
