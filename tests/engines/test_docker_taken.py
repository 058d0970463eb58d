"""What Docker saved becomes an image like any other: the base's blobs, ours compressed once."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.engines.docker.taken import remember, remembered, taken
from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.image import LAYER, Descriptor, Family
from imagekit.oci.documents import parse_manifest
from imagekit.oci.layer import gzip
from imagekit.store import Store
from tests.engines.docker_plans import BASE_NAME, base

LOWER, UPPER = b"lower" * 4096, b"upper" * 4096


def archive(path: Path, layers: Mapping[str, bytes], diff_ids: Iterable[bytes]) -> Path:
    """As `docker save` writes it; the layers' names to their bytes."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["app.handler"]},
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(one)) for one in diff_ids]},
    }
    index = [{"Config": "config.json", "Layers": list(layers), "RepoTags": None}]
    files = {
        "manifest.json": json.dumps(index).encode(),
        "config.json": json.dumps(config).encode(),
        **layers,
    }
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def below(family: Family = "docker") -> Base:
    """A base of one layer, which lies in a registry."""
    config = replace(base().config, diff_ids=(Digest.of(LOWER),))
    blob = Descriptor(media_type=LAYER[family], digest=Digest.of(b"theirs"), size_bytes=77)
    return replace(base(), config=config, layers=(blob,), family=family)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    layers = {"a/layer.tar": LOWER, "b/layer.tar": UPPER}
    return archive(tmp_path / "saved.tar", layers, (LOWER, UPPER))


@pytest.mark.parametrize("family", ["docker", "oci"])
def test_the_bases_layers_are_the_bases(saved: Path, store: Store, family: Family) -> None:
    """By its own digests, and in its family: nothing of it is compressed or kept."""
    image = taken(saved, below(family), store)
    manifest = parse_manifest(image.manifest, image.media_type)

    assert manifest.family == family
    assert manifest.layers[0] == below(family).layers[0]
    assert str(image.layers[0].origin) == BASE_NAME
    assert manifest.layers[1].media_type == LAYER[family]
    with image.layers[1].open() as blob:
        assert blob.read() == gzip(UPPER)
    assert sum(1 for file in store.files() if file.kind == "blobs") == 1


def test_the_config_is_dockers(saved: Path, store: Store) -> None:
    """So that the image's id stays the one that the engine says."""
    image = taken(saved, below(), store)

    assert json.loads(image.config)["config"] == {"Cmd": ["app.handler"]}
    assert image.config_digest == Digest.of(image.config)
    assert not image.made_up


def test_a_layer_is_compressed_once(saved: Path, store: Store, tmp_path: Path) -> None:
    """Another image with the same layer takes the blob that is there."""
    first = taken(saved, below(), store)
    blob = store.blob_path(first.layers[1].descriptor.digest)
    before = blob.stat().st_mtime_ns
    more = {"a/layer.tar": LOWER, "b/layer.tar": UPPER, "c/layer.tar": b"code"}
    second = taken(archive(tmp_path / "more.tar", more, (LOWER, UPPER, b"code")), below(), store)

    assert second.layers[1].descriptor == first.layers[1].descriptor
    assert blob.stat().st_mtime_ns == before


def test_layers_that_are_saved_compressed(store: Store, tmp_path: Path) -> None:
    """Docker's containerd image store keeps them so: they are taken as they are."""
    upper = bytes(gzip(UPPER))
    layers = {"blobs/sha256/a": bytes(gzip(LOWER)), "blobs/sha256/b": upper}
    image = taken(archive(tmp_path / "saved.tar", layers, (LOWER, UPPER)), below(), store)

    assert image.layers[0].descriptor == below().layers[0]
    assert image.layers[1].descriptor.digest == Digest.of(upper)
    assert image.layers[1].diff_id == Digest.of(UPPER)


def test_an_image_that_is_not_on_its_base(store: Store, tmp_path: Path) -> None:
    """As after `--squash`, or from a template of one's own: every layer is ours then."""
    image = taken(archive(tmp_path / "saved.tar", {"a": UPPER}, (UPPER,)), below(), store)

    assert [layer.by_others for layer in image.layers] == [False]


def test_nothing_is_saved_twice(saved: Path, store: Store) -> None:
    """An id that comes back is the same image, as long as its layers are in the store."""
    image = taken(saved, below(), store)
    assert remembered("sha256:aa", below(), store) is None
    remember("sha256:aa", image, below(), store)

    assert remembered("sha256:aa", below(), store) == image
    assert remembered("sha256:bb", below(), store) is None
    other = replace(below(), digest=Digest.of(b"another base"))
    assert remembered("sha256:aa", other, store) is None
    store.blob_path(image.layers[1].descriptor.digest).unlink()
    assert remembered("sha256:aa", below(), store) is None


def test_an_archive_that_cannot_be_read(store: Store, tmp_path: Path) -> None:
    """The engine broke off: exit 1."""
    broken = tmp_path / "saved.tar"
    broken.write_bytes(b"not a tar")

    with pytest.raises(CannotBuild):
        taken(broken, below(), store)
