"""An image with Python 3.13 and nothing else, in the tests' engine, without a registry."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from io import BytesIO

import pytest

from imagekit.daemon.engine import Engine, connect
from tests.services.containers import forget
from tests.services.debian import DEBIAN_CONFIG
from tests.services.docker import connect as docker_client
from tests.services.images import MadeLayer

NAME = "imagekit-tests-local:python"


@pytest.fixture(scope="session")
def python_image(
    docker_engine: str, debian_layer: MadeLayer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The name of Debian with Python 3.13 in the engine."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": DEBIAN_CONFIG,
            "rootfs": {"type": "layers", "diff_ids": [debian_layer.diff_id]},
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    index = [{"Config": name, "Layers": ["layer.tar.gz"], "RepoTags": [NAME]}]
    archive = tmp_path_factory.mktemp("python") / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(debian_layer.path, "layer.tar.gz")
        for each, text in ((name, config), ("manifest.json", json.dumps(index).encode())):
            info = tarfile.TarInfo(each)
            info.size = len(text)
            tar.addfile(info, BytesIO(text))
    client = docker_client(docker_engine)
    try:
        with archive.open("rb") as data:
            list(client.api.load_image(data))
        yield NAME
    finally:
        client.close()
        forget(docker_engine, NAME)


@pytest.fixture(scope="module")
def engine(docker_engine: str) -> Iterator[Engine]:
    """The tests' engine as imagekit speaks to it."""
    with connect({"DOCKER_HOST": docker_engine}) as found:
        yield found
