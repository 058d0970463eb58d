"""Layouts: whole or sparse, replaced in one step, and read with every digest checked."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, DigestMismatch
from imagekit.model.reference import Reference
from imagekit.oci.image import Image
from imagekit.oci.layout import read_layout, top_media_types, write_layout
from tests.oci.trees import image as make_image
from tests.oci.trees import odd_tree, small_image, tree
from tests.services.needs import needs

BASE = f"registry.example/base:13@{Digest.of(b'base')}"


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return small_image(tmp_path)[1]


def on_base(image: Image) -> Image:
    """The same image, its first layer a base's that lies in the store, too."""
    first, *others = image.layers
    return replace(image, layers=(replace(first, by_others=True), *others))


def blobs(folder: Path) -> set[str]:
    return {path.name for path in (folder / "blobs" / "sha256").iterdir()}


def index(folder: Path) -> dict[str, list[dict[str, object]]]:
    return dict(json.loads((folder / "index.json").read_bytes()))


def edit_index(folder: Path, **changes: object) -> None:
    """Change keys of the index's only descriptor."""
    document = index(folder)
    document["manifests"][0].update(changes)
    (folder / "index.json").write_text(json.dumps(document))


def test_reads_back_the_same(tmp_path: Path, image: Image) -> None:
    """What is written is what is read, with every layer's bytes where the layout has them."""
    assert not write_layout(image, tmp_path / "x.oci", complete=True)
    found = read_layout(tmp_path / "x.oci")

    assert replace(found, layers=()) == replace(image, layers=())
    for layer, original in zip(found.layers, image.layers, strict=True):
        assert layer.descriptor == original.descriptor
        with layer.open() as file:
            assert Digest.of(file.read()) == layer.descriptor.digest


def test_sparse_layout_names_its_base(tmp_path: Path, image: Image) -> None:
    """The layout holds what was built here; its descriptor says where the base's layers are."""
    sparse = write_layout(on_base(image), tmp_path / "x.oci", base_reference=BASE)
    base, own = read_layout(tmp_path / "x.oci").layers

    assert sparse
    assert index(tmp_path / "x.oci")["manifests"][0]["annotations"] == {
        "dev.imagekit.sparse": "true",
        "dev.imagekit.base": BASE,
    }
    assert base.descriptor.digest.hex not in blobs(tmp_path / "x.oci")
    assert (base.path, base.origin, base.by_others) == (None, Reference.parse(BASE), True)
    assert own.path is not None
    with pytest.raises(ValueError, match="is not here"):
        base.open()


def test_sparse_layout_names_where_other_layers_are(tmp_path: Path, image: Image) -> None:
    """An extension's layer lies elsewhere than the base's; each has its place in the index."""
    agent = Reference.parse(f"registry.example/agent:83@{Digest.of(b'agent')}")
    base, own = on_base(image).layers
    layers = (
        replace(base, origin=Reference.parse(BASE)),
        replace(own, by_others=True, origin=agent),
    )
    write_layout(replace(image, layers=layers), tmp_path / "x.oci", base_reference=BASE)
    found = read_layout(tmp_path / "x.oci").layers

    assert [layer.origin for layer in found] == [Reference.parse(BASE), agent]
    assert all(layer.by_others and layer.path is None for layer in found)
    annotations = index(tmp_path / "x.oci")["manifests"][0]["annotations"]
    assert annotations == {
        "dev.imagekit.sparse": "true",
        "dev.imagekit.base": BASE,
        f"dev.imagekit.layer.{own.descriptor.digest.hex}": str(agent),
    }


def test_complete_layout_has_the_base(tmp_path: Path, image: Image) -> None:
    """`--complete` adds the base's layers, and then nothing is called sparse."""
    write_layout(on_base(image), tmp_path / "x.oci", complete=True, base_reference=BASE)

    assert "annotations" not in index(tmp_path / "x.oci")["manifests"][0]
    assert len(blobs(tmp_path / "x.oci")) == 4


@pytest.mark.parametrize("path", [None, Path("where", "it", "would", "lie")])
def test_complete_needs_every_layer(tmp_path: Path, image: Image, path: Path | None) -> None:
    """A layer that is in a registry only makes no complete layout, and leaves nothing behind."""
    away = replace(image, layers=(replace(image.layers[0], path=path), *image.layers[1:]))

    with pytest.raises(CannotBuild, match="not on this disk"):
        write_layout(away, tmp_path / "out" / "x.oci", complete=True)
    assert not (tmp_path / "out").exists()


def test_a_layer_that_is_nowhere_is_not_left_out(tmp_path: Path, image: Image) -> None:
    """Its blob went away since it was made: no layout that only looks sparse, but an error."""
    first, *others = image.layers
    gone = replace(image, layers=(replace(first, path=tmp_path / "gone"), *others))

    with pytest.raises(CannotBuild) as raised:
        write_layout(gone, tmp_path / "x.oci")

    assert raised.value.causes == (str(first.descriptor.digest),)
    assert raised.value.hint == "build again"
    assert list(tmp_path.glob("x.oci")) == []


def test_replaces_the_one_before(tmp_path: Path, image: Image) -> None:
    """A second build takes the place of the first: none of its blobs stays, nor anything beside."""
    store, other = small_image(tmp_path)
    other = make_image(store, tree({"new.py": b"new"}))
    write_layout(image, tmp_path / "out" / "x.oci")
    write_layout(other, tmp_path / "out" / "x.oci")

    assert read_layout(tmp_path / "out" / "x.oci").digest == other.digest
    assert len(blobs(tmp_path / "out" / "x.oci")) == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.oci"]


def test_the_same_layout_is_left_as_it_is(tmp_path: Path, image: Image) -> None:
    """Where nothing changed nothing is copied; a damaged one is written again."""
    folder = tmp_path / "x.oci"
    write_layout(image, folder, complete=True)
    before = folder.stat().st_ino
    write_layout(image, folder, complete=True)
    assert folder.stat().st_ino == before

    blob = folder / "blobs" / "sha256" / image.layers[0].descriptor.digest.hex
    blob.write_bytes(blob.read_bytes()[:-1])
    write_layout(image, folder, complete=True)
    assert read_layout(folder).digest == image.digest
    assert blob.stat().st_size == image.layers[0].descriptor.size_bytes

    (folder / "blobs" / "sha256" / "stray").touch()
    write_layout(image, folder, complete=True)
    assert not (folder / "blobs" / "sha256" / "stray").exists()


def test_failure_leaves_the_one_before(tmp_path: Path, image: Image) -> None:
    """A layer that was cut off meanwhile stops the writing; the old layout stays as it was."""
    out = tmp_path / "out" / "x.oci"
    write_layout(image, out)
    store, other = small_image(tmp_path)
    other = make_image(store, tree({"new.py": b"new"}))
    assert other.layers[0].path
    other.layers[0].path.write_bytes(b"cut")

    with pytest.raises(CannotBuild, match="changed on disk"):
        write_layout(other, out)
    assert read_layout(out).digest == image.digest
    assert [path.name for path in out.parent.iterdir()] == ["x.oci"]


@pytest.mark.parametrize("name", ["notes.txt", "oci-layout/inner"])
def test_a_folder_of_the_users_is_not_replaced(tmp_path: Path, image: Image, name: str) -> None:
    """What is no layout is never deleted."""
    kept = tmp_path / "mine" / name
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")

    with pytest.raises(CannotBuild, match="is no OCI layout"):
        write_layout(image, tmp_path / "mine")
    assert kept.read_text() == "mine"


def test_an_empty_folder_is_taken(tmp_path: Path, image: Image) -> None:
    """`--output` may name a folder that was made for it."""
    (tmp_path / "empty").mkdir()
    write_layout(image, tmp_path / "empty")

    assert read_layout(tmp_path / "empty").digest == image.digest


def test_a_file_in_the_way(tmp_path: Path, image: Image) -> None:
    """A file where a folder must be is said, not overwritten and not a traceback."""
    (tmp_path / "file").write_text("mine")

    with pytest.raises(CannotBuild, match="is no OCI layout"):
        write_layout(image, tmp_path / "file")
    with pytest.raises(CannotBuild, match="cannot be written"):
        write_layout(image, tmp_path / "file" / "x.oci")
    assert (tmp_path / "file").read_text() == "mine"


def test_layout_is_a_copy(tmp_path: Path, image: Image) -> None:
    """Whoever edits a layout does not edit the store."""
    write_layout(image, tmp_path / "x.oci")
    layer = image.layers[0]
    assert layer.path
    before = layer.path.read_bytes()
    (tmp_path / "x.oci" / "blobs" / "sha256" / layer.descriptor.digest.hex).write_bytes(b"spoiled")

    assert layer.path.read_bytes() == before


def test_modes_follow_the_umask(tmp_path: Path, image: Image) -> None:
    """The store's files are its owner's alone; a layout is as readable as other files."""
    old = os.umask(0o022)
    try:
        write_layout(image, tmp_path / "x.oci")
    finally:
        os.umask(old)

    for path in (tmp_path / "x.oci").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def spoil_manifest(folder: Path, image: Image) -> None:
    (folder / "blobs" / "sha256" / image.digest.hex).write_bytes(image.manifest + b" ")


def spoil_config(folder: Path, image: Image) -> None:
    (folder / "blobs" / "sha256" / image.config_digest.hex).write_bytes(b"{}")


@pytest.mark.parametrize("spoil", [spoil_manifest, spoil_config])
def test_documents_are_verified(
    tmp_path: Path, image: Image, spoil: Callable[[Path, Image], None]
) -> None:
    """A document that is not the one its name promises is refused."""
    write_layout(image, tmp_path / "x.oci")
    spoil(tmp_path / "x.oci", image)

    with pytest.raises(DigestMismatch):
        read_layout(tmp_path / "x.oci")


def no_marker(folder: Path, image: Image) -> None:
    (folder / "oci-layout").unlink()


def no_index(folder: Path, image: Image) -> None:
    (folder / "index.json").unlink()


def no_config(folder: Path, image: Image) -> None:
    (folder / "blobs" / "sha256" / image.config_digest.hex).unlink()


def cut_layer(folder: Path, image: Image) -> None:
    (folder / "blobs" / "sha256" / image.layers[0].descriptor.digest.hex).write_bytes(b"cut")


def no_images(folder: Path, image: Image) -> None:
    (folder / "index.json").write_text('{"manifests": []}')


def strange_index(folder: Path, image: Image) -> None:
    (folder / "index.json").write_text('{"manifests": [1]}')


def climbing_digest(folder: Path, image: Image) -> None:
    edit_index(folder, digest="sha256:../../../etc/passwd")


@pytest.mark.parametrize(
    "broken",
    [no_marker, no_index, no_config, cut_layer, no_images, strange_index, climbing_digest],
)
def test_broken_layouts(
    tmp_path: Path, image: Image, broken: Callable[[Path, Image], None]
) -> None:
    """Whatever is missing or cut off, the error names the layout."""
    write_layout(image, tmp_path / "x.oci")
    broken(tmp_path / "x.oci", image)

    with pytest.raises(CannotBuild, match=r"x\.oci"):
        read_layout(tmp_path / "x.oci")


def as_index(folder: Path, image: Image) -> None:
    """What BuildKit exports: index.json names an index with the image and an attestation."""
    entry = index(folder)["manifests"][0]
    attestation = {**entry, "platform": {"architecture": "unknown", "os": "unknown"}}
    other = {**entry, "platform": {"architecture": "arm64", "os": "linux"}}
    inner = json.dumps({"manifests": [attestation, entry, other]}).encode()
    digest = Digest.of(inner)
    (folder / "blobs" / "sha256" / digest.hex).write_bytes(inner)
    media_type = "application/vnd.oci.image.index.v1+json"
    top = {"mediaType": media_type, "digest": str(digest), "size": len(inner)}
    (folder / "index.json").write_text(json.dumps({"manifests": [top]}))


def test_index_within(tmp_path: Path, image: Image) -> None:
    """An index is followed to the architecture that is asked for; M2 still sees that it is one."""
    layout = tmp_path / "x.oci"
    write_layout(image, layout)
    assert top_media_types(layout) == (image.media_type,)
    as_index(layout, image)

    assert read_layout(layout, architecture="amd64").digest == image.digest
    assert top_media_types(layout) == ("application/vnd.oci.image.index.v1+json",)
    with pytest.raises(CannotBuild, match="2 images alone") as caught:
        read_layout(layout)
    assert caught.value.causes == ("it holds: amd64, arm64",)
    with pytest.raises(CannotBuild, match="0 images for s390x"):
        read_layout(layout, architecture="s390x")


def test_layout_in_an_archive(tmp_path: Path, image: Image) -> None:
    """The tar of a layout is read in place: every layer at its offset, none unpacked."""
    write_layout(image, tmp_path / "x.oci")
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        tar.add(tmp_path / "x.oci", ".")
    found = read_layout(tmp_path / "x.tar")

    assert found.digest == image.digest
    for layer in found.layers:
        assert (layer.path, layer.offset > 0) == (tmp_path / "x.tar", True)
        with layer.open() as file:
            assert Digest.of(file.read()) == layer.descriptor.digest


def test_skopeo_reads_it(tmp_path: Path, image: Image) -> None:
    """skopeo, which reads layouts as registries do, copies the image out of it."""
    needs("skopeo", "skopeo")
    write_layout(image, tmp_path / "x.oci", tag="latest")
    run = subprocess.run(
        [
            "skopeo",
            "--insecure-policy",
            "copy",
            f"oci:{tmp_path}/x.oci:latest",
            f"oci:{tmp_path}/copy:latest",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert read_layout(tmp_path / "copy").config_digest == image.config_digest


def test_umoci_unpacks_it(tmp_path: Path) -> None:
    """umoci, a strict unpacker of layers, leaves the files behind."""
    needs("umoci", "umoci")
    store, _ = small_image(tmp_path)
    write_layout(make_image(store, odd_tree()), tmp_path / "x.oci", tag="latest")
    run = subprocess.run(
        ["umoci", "unpack", "--rootless", f"--image={tmp_path}/x.oci:latest", f"{tmp_path}/out"],
        capture_output=True,
        text=True,
        check=False,
    )
    root = tmp_path / "out" / "rootfs" / "var" / "task"

    assert run.returncode == 0, run.stderr
    assert sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir()) == (
        sorted(entry.path for entry in odd_tree())
    )
