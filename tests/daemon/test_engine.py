"""A Docker Engine: what it has, what it takes, and how it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagekit.daemon.engine import Engine, connect
from imagekit.model.errors import RemoteRefused
from imagekit.model.image import CONFIG, LAYER, MANIFEST, Descriptor, Manifest
from imagekit.oci.archive import read_archive, shared_layers, write_docker_archive
from imagekit.oci.documents import dump_manifest
from imagekit.oci.image import Image, ImageLayer
from imagekit.store import Store
from tests.bases.fake import FakeImage, Layer, entries
from tests.daemon.fake_engine import FakeEngine, Said
from tests.services.docker import connect as docker

NAME = "imagekit-test/engine"
LOWER = Layer.of(entries({"opt/lower": random.Random(1).randbytes(200_000)}))


def image(store: Store, *layers: Layer) -> Image:
    """A small image whose layers lie in the store."""
    fake = FakeImage(layers=layers)
    manifest = Manifest(
        family="docker",
        config=Descriptor(
            media_type=CONFIG["docker"],
            digest=store.put_blob(fake.config),
            size_bytes=len(fake.config),
        ),
        layers=tuple(
            Descriptor(
                media_type=LAYER["docker"],
                digest=store.put_blob(layer.blob),
                size_bytes=len(layer.blob),
            )
            for layer in layers
        ),
    )
    held = [
        ImageLayer(descriptor=blob, diff_id=layer.diff_id, path=store.blob_path(blob.digest))
        for blob, layer in zip(manifest.layers, layers, strict=True)
    ]
    return Image.of(dump_manifest(manifest), MANIFEST["docker"], fake.config, held)


@pytest.fixture
def engine(docker_engine: str) -> Iterator[Engine]:
    """A real engine; what these tests load is removed again."""
    with connect({"DOCKER_HOST": docker_engine}) as found:
        yield found
    client = docker(docker_engine)
    try:
        for made in client.images.list(NAME):
            client.images.remove(made.id, force=True)
    finally:
        client.close()


def loaded(engine: Engine, made: Image, archive: Path, *tags: str, skip: int = 0) -> str:
    write_docker_archive(made, archive, tags=[f"{NAME}:made"], skip=skip)
    return engine.load(archive, [f"{NAME}:{tag}" for tag in tags])


def test_what_is_loaded_is_what_was_made(engine: Engine, tmp_path: Path) -> None:
    """The id is the digest of the config, and saving gives the same layers."""
    made = image(Store(tmp_path / "store"), LOWER, Layer.of(entries({"var/task/app.py": b"1"})))

    name = loaded(engine, made, tmp_path / "image.tar", "one", "two")
    engine.save(f"{NAME}:two", tmp_path / "saved.tar")

    assert name == str(made.config_digest)
    saved = read_archive(tmp_path / "saved.tar")
    assert [layer.diff_id for layer in saved.layers] == [layer.diff_id for layer in made.layers]


def test_layers_that_it_has_need_not_be_sent(engine: Engine, tmp_path: Path) -> None:
    """An archive without the lower layer is enough where an image with it is there."""
    store = Store(tmp_path / "store")
    loaded(engine, image(store, LOWER), tmp_path / "first.tar", "first")
    made = image(store, LOWER, Layer.of(entries({"var/task/app.py": b"2"})))

    skip = shared_layers(made, engine.diff_ids())
    name = loaded(engine, made, tmp_path / "second.tar", skip=skip)

    assert skip == 1
    assert name == str(made.config_digest)
    assert (tmp_path / "second.tar").stat().st_size < (tmp_path / "first.tar").stat().st_size


def test_an_image_that_it_does_not_have(engine: Engine, tmp_path: Path) -> None:
    """The hint is the command that fetches it, and no file is left."""
    with pytest.raises(RemoteRefused) as raised:
        engine.save("imagekit-test/nowhere:1", tmp_path / "saved.tar")

    assert raised.value.hint == "docker pull imagekit-test/nowhere:1"
    assert not (tmp_path / "saved.tar").exists()


def test_an_archive_that_it_refuses(engine: Engine, tmp_path: Path) -> None:
    """What the engine says is the cause."""
    archive = tmp_path / "image.tar"
    write_docker_archive(
        image(Store(tmp_path / "store"), Layer.of(entries({"new": b"3"}))), archive, skip=1
    )

    with pytest.raises(RemoteRefused) as raised:
        engine.load(archive)
    assert raised.value.what == "docker load failed"
    assert raised.value.causes


def test_the_containerd_store_gets_every_layer() -> None:
    """It imports every blob of an archive, so none may be left out."""
    driver = [["driver-type", "io.containerd.snapshotter.v1"]]
    with (
        FakeEngine({"/info": Said({"DriverStatus": driver})}) as fake,
        connect({"DOCKER_HOST": fake.host}) as found,
    ):
        assert not found.keeps_layers
        assert found.diff_ids() == ()


def test_images_that_vanish_meanwhile() -> None:
    """Somebody may remove one between the list and the look at it."""
    diff_id = str(LOWER.diff_id)
    answers = {
        "/images/json": Said([{"Id": "gone"}, {"Id": "here"}, {"Id": "same"}, {"Id": "empty"}]),
        "/images/here/json": Said({"RootFS": {"Layers": [diff_id]}}),
        "/images/same/json": Said({"RootFS": {"Layers": [diff_id]}}),
        "/images/empty/json": Said({"RootFS": {"Type": "layers"}}),
    }
    with FakeEngine(answers) as fake, connect({"DOCKER_HOST": fake.host}) as found:
        assert found.diff_ids() == ((LOWER.diff_id,), ())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said([{"errorDetail": {}, "error": "no space left"}], chunked=True), "no space left"),
        (Said({"message": "not an archive"}, status=500), "not an archive"),
        (Said([{"status": "Loading"}], chunked=True), "did not say which image"),
    ],
)
def test_a_load_that_fails(tmp_path: Path, said: Said, why: str) -> None:
    """Whether it fails at once, in the middle, or without a word."""
    (tmp_path / "image.tar").write_bytes(bytes(3000))
    with (
        FakeEngine({"/images/load": said}) as fake,
        connect({"DOCKER_HOST": fake.host}) as found,
        pytest.raises(RemoteRefused) as raised,
    ):
        found.load(tmp_path / "image.tar")
    assert why in f"{raised.value.what} {raised.value.causes}"
    assert fake.received_bytes == 3000


def test_the_id_of_an_image_without_a_name(tmp_path: Path) -> None:
    """The engine then tells the id instead."""
    (tmp_path / "image.tar").write_bytes(b"x")
    image_id = f"sha256:{'a' * 64}"
    answers = {
        "/images/load": Said([{"stream": f"Loaded image ID: {image_id}\n"}], chunked=True),
        f"/images/{image_id}/json": Said({"Id": image_id}),
    }
    with FakeEngine(answers) as fake, connect({"DOCKER_HOST": fake.host}) as found:
        assert found.load(tmp_path / "image.tar") == image_id


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("kind", ["socket", "port", "nonsense"])
def test_no_engine(tmp_path: Path, kind: str) -> None:
    """Said with the place that was tried."""
    hosts = {
        "socket": f"unix://{tmp_path}/docker.sock",
        "port": f"tcp://127.0.0.1:{free_port()}",
        "nonsense": "nonsense",
    }

    with pytest.raises(RemoteRefused) as raised:
        connect({"DOCKER_HOST": hosts[kind]})
    assert raised.value.what == f"no Docker Engine answers at {hosts[kind]}"
    assert raised.value.hint == "start Docker, or set DOCKER_HOST"


def test_no_permission(tmp_path: Path) -> None:
    """A socket that belongs to others is another problem than none."""
    place = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as others:
        others.bind(str(place))
        place.chmod(0)
        with unprivileged(), pytest.raises(RemoteRefused) as raised:
            connect({"DOCKER_HOST": f"unix://{place}"})

    assert raised.value.what == f"you may not use the Docker Engine at unix://{place}"
    assert "usermod" in str(raised.value.hint)


def test_the_context_of_the_docker_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker Desktop and others are found through the context that `docker context use` sets."""
    name = "elsewhere"
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": name}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    place = f"unix://{tmp_path}/elsewhere.sock"
    endpoints = {"docker": {"Host": place, "SkipTLSVerify": False}}
    meta = {"Name": name, "Metadata": {}, "Endpoints": endpoints}
    (folder / "meta.json").write_text(json.dumps(meta))

    with pytest.raises(RemoteRefused) as raised:
        connect({"DOCKER_CONTEXT": name})
    assert raised.value.what == f"no Docker Engine answers at {place}"


@contextmanager
def unprivileged() -> Iterator[None]:
    """root may do all: for a moment, be somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
