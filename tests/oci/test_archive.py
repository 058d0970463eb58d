"""Archives: what `docker load` takes, and what `docker save` gives, on a real engine."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.oci.archive import read_archive, read_image, shared_layers, write_docker_archive
from imagekit.oci.documents import parse_manifest
from imagekit.oci.image import Image
from imagekit.oci.layout import write_layout
from tests.oci.trees import image as make_image
from tests.oci.trees import small_image, tree

NAME = f"imagekit-test-archive-{os.getpid()}"
Docker = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return small_image(tmp_path)[1]


@pytest.fixture
def docker(docker_engine: str, tmp_path: Path) -> Iterator[Docker]:
    """Runs the docker client, and removes the tests' images at the end."""
    environ = {**os.environ, "DOCKER_HOST": docker_engine, "DOCKER_CONFIG": str(tmp_path / "none")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *words], env=environ, capture_output=True, text=True, check=False
        )

    yield run
    if left := run("images", "--quiet", "--no-trunc", NAME).stdout.split():
        run("rmi", "--force", *left)


def repack(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The archive with every member changed, or dropped where `change` gives None."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old:
            file = old.extractfile(member)
            data = change(member.name, file.read() if file else b"")
            if data is not None:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    return target


def test_same_image_same_archive(tmp_path: Path, image: Image) -> None:
    """The archive says nothing of when, where or by whom it was written."""
    for name in ("a.tar", "b.tar"):
        write_docker_archive(image, tmp_path / name, tags=["x:1"])

    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        assert {(m.uid, m.gid, m.mode, m.isreg()) for m in tar} == {(0, 0, 0o644, True)}


def test_archive_names_everything(tmp_path: Path, image: Image) -> None:
    """manifest.json names config, layers and tags; the config is the image's own, by its digest."""
    write_docker_archive(image, tmp_path / "x.tar", tags=["x:1", "x:2"])
    with tarfile.open(tmp_path / "x.tar") as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr] # all are files
    (entry,) = json.loads(members.pop("manifest.json"))

    assert entry["RepoTags"] == ["x:1", "x:2"]
    assert members.pop(entry["Config"]) == image.config
    assert entry["Config"] == f"{image.config_digest.hex}.json"
    assert [Digest.of(members.pop(name)) for name in entry["Layers"]] == [
        layer.descriptor.digest for layer in image.layers
    ]
    assert members == {}


def test_layers_that_are_elsewhere(tmp_path: Path, image: Image) -> None:
    """An archive is complete; a layer that is not here is named, and no file is left."""
    away = replace(image, layers=(replace(image.layers[0], path=None), *image.layers[1:]))

    with pytest.raises(CannotBuild, match="not on this disk"):
        write_docker_archive(away, tmp_path / "out" / "x.tar")
    assert not (tmp_path / "out").exists()
    write_docker_archive(away, tmp_path / "out" / "x.tar", skip=1)


def test_layer_cut_off_meanwhile(tmp_path: Path, image: Image) -> None:
    """A blob that is shorter than its descriptor says stops the writing, and no file is left."""
    assert image.layers[1].path
    image.layers[1].path.write_bytes(b"cut")

    with pytest.raises(CannotBuild, match="changed on disk"):
        write_docker_archive(image, tmp_path / "out" / "x.tar")
    assert list((tmp_path / "out").iterdir()) == []


def test_only_a_common_beginning_is_shared(image: Image) -> None:
    """A layer is known on top of the same layers only: the same set in another order is none."""
    first, second = (layer.diff_id for layer in image.layers)
    other = Digest.of(b"other")

    assert shared_layers(image, []) == 0
    assert shared_layers(image, [[second, first], [other, second]]) == 0
    assert shared_layers(image, [[other], [first, other]]) == 1
    assert shared_layers(image, [[first], [first, second, other]]) == 2


def test_docker_loads_it(tmp_path: Path, image: Image, docker: Docker) -> None:
    """A Docker Engine takes the archive, gzip'd layers and all, as the image it is."""
    write_docker_archive(image, tmp_path / "x.tar", tags=[f"{NAME}:one"])
    loaded = docker("load", "--input", str(tmp_path / "x.tar"))
    (found,) = json.loads(docker("image", "inspect", f"{NAME}:one").stdout)

    assert loaded.returncode == 0, loaded.stderr
    assert found["Id"] == str(image.config_digest)
    assert found["RootFS"]["Layers"] == [str(layer.diff_id) for layer in image.layers]


def test_docker_needs_only_what_it_lacks(tmp_path: Path, image: Image, docker: Docker) -> None:
    """Layers that the engine has are left out, and it loads the image all the same; a layer that
    it has not must be there.
    """
    store, _ = small_image(tmp_path)
    changed = make_image(store, tree({"lib.py": b"x = 1\n"}), tree({"app.py": b"changed"}))
    write_docker_archive(image, tmp_path / "x.tar", tags=[f"{NAME}:one"])
    write_docker_archive(changed, tmp_path / "y.tar", tags=[f"{NAME}:two"], skip=1)
    early = docker("load", "--input", str(tmp_path / "y.tar"))
    docker("load", "--input", str(tmp_path / "x.tar"))
    late = docker("load", "--input", str(tmp_path / "y.tar"))

    assert shared_layers(changed, [[layer.diff_id for layer in image.layers]]) == 1
    assert early.returncode != 0
    assert late.returncode == 0, late.stderr


def test_reads_what_docker_saves(tmp_path: Path, image: Image, docker: Docker) -> None:
    """`docker save` gives config and layers back; the manifest is made up, and said to be."""
    write_docker_archive(image, tmp_path / "x.tar", tags=[f"{NAME}:one"])
    docker("load", "--input", str(tmp_path / "x.tar"))
    docker("save", "--output", str(tmp_path / "saved.tar"), f"{NAME}:one")
    found = read_archive(tmp_path / "saved.tar")

    assert found.made_up
    assert found.config == image.config
    for layer, original in zip(found.layers, image.layers, strict=True):
        with layer.open() as file:
            assert Digest.of(file.read()) == original.diff_id


def test_reads_what_it_wrote(tmp_path: Path, image: Image) -> None:
    """imagekit's own archive is read in place; layers are known to be gzip'd."""
    write_docker_archive(image, tmp_path / "x.tar")
    found = read_image(tmp_path / "x.tar")

    assert found.made_up
    assert {layer.media_type for layer in parse_manifest(found.manifest).layers} == {
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
    }
    for layer, original in zip(found.layers, image.layers, strict=True):
        with layer.open() as file:
            assert Digest.of(file.read()) == original.descriptor.digest


def test_layer_that_is_a_link(tmp_path: Path, image: Image) -> None:
    """`docker save` writes a layer that it has twice as a link to the first."""
    data = image.layers[0].path.read_bytes() if image.layers[0].path else b""
    config = json.dumps({"rootfs": {"diff_ids": [str(image.layers[0].diff_id)] * 2}}).encode()
    index = [{"Config": "c.json", "Layers": ["a/layer.tar", "b/layer.tar"]}]
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, content in (
            ("manifest.json", json.dumps(index).encode()),
            ("c.json", config),
            ("a/layer.tar", data),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("b/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../a/layer.tar"
        tar.addfile(link)
    first, second = read_archive(tmp_path / "x.tar").layers

    assert first == second


def test_reads_any_kind(tmp_path: Path, image: Image) -> None:
    """A path is a folder or an archive, of a layout or of Docker's: each is found out."""
    write_layout(image, tmp_path / "x.oci")
    with tarfile.open(tmp_path / "oci.tar", "w") as tar:
        tar.add(tmp_path / "x.oci", ".")

    assert read_image(tmp_path / "x.oci").digest == image.digest
    assert read_image(tmp_path / "oci.tar").digest == image.digest
    assert not read_image(tmp_path / "oci.tar").made_up


@pytest.mark.parametrize(
    "change",
    [
        lambda name, data: None if name.endswith(".tar.gz") else data,
        lambda name, data: None if name != "manifest.json" and name.endswith(".json") else data,
        lambda name, data: None if name == "manifest.json" else data,
        lambda name, data: b"[]" if name == "manifest.json" else data,
        lambda name, data: b"{}" if name == "manifest.json" else data,
        lambda name, data: data.replace(b".json", b".jsoff"),
        lambda name, data: b"{}" if data.startswith(b'{"arch') else data,
    ],
)
def test_broken_archives(
    tmp_path: Path, image: Image, change: Callable[[str, bytes], bytes | None]
) -> None:
    """Whatever is missing, the error names the archive."""
    write_docker_archive(image, tmp_path / "x.tar")
    broken = repack(tmp_path / "x.tar", tmp_path / "broken.tar", change)

    with pytest.raises(CannotBuild, match=r"broken\.tar"):
        read_archive(broken)


@pytest.mark.parametrize("data", [b"", b"no tar at all" * 100, b"\x1f\x8b\x08"])
def test_no_archive(tmp_path: Path, data: bytes) -> None:
    """What is no tar, or a compressed one, is refused with what to give instead."""
    (tmp_path / "x.tar").write_bytes(data)

    with pytest.raises(CannotBuild) as caught:
        read_image(tmp_path / "x.tar")
    assert caught.value.hint or caught.value.causes
    with pytest.raises(CannotBuild):
        read_image(tmp_path / "absent.tar")


def test_archive_cut_off(tmp_path: Path, image: Image) -> None:
    """An archive whose last bytes never arrived is not read as if they had."""
    write_docker_archive(image, tmp_path / "x.tar")
    whole = (tmp_path / "x.tar").read_bytes()
    (tmp_path / "x.tar").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(CannotBuild):
        read_archive(tmp_path / "x.tar")


def test_several_images_in_one_archive(tmp_path: Path, image: Image) -> None:
    """An archive of two images is refused, as nothing says which of them is meant."""
    write_docker_archive(image, tmp_path / "x.tar")

    def twice(name: str, data: bytes) -> bytes:
        return json.dumps(json.loads(data) * 2).encode() if name == "manifest.json" else data

    with pytest.raises(CannotBuild, match="2 images"):
        read_archive(repack(tmp_path / "x.tar", tmp_path / "two.tar", twice))
