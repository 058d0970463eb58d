"""An image as one tar: what `docker load` takes, and what `docker save` and others write."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.image import CONFIG, LAYER, MANIFEST, Descriptor, Manifest
from imagekit.oci.beside import file_beside
from imagekit.oci.documents import dump_manifest, parse_config, readable
from imagekit.oci.image import Image, ImageLayer
from imagekit.oci.opened import image_in
from imagekit.oci.places import Archive, Place, Places, open_places
from imagekit.oci.tar import BLOCK, END, file_header
from imagekit.oci.values import Object, as_object, canonical, parse_list, text_at, texts_at

_INDEX = "manifest.json"
_UNCOMPRESSED = "application/vnd.docker.image.rootfs.diff.tar"
GZIP_MAGIC = b"\x1f\x8b"


def write_docker_archive(
    image: Image, path: Path, *, tags: Sequence[str] = (), skip: int = 0
) -> None:
    """Write the image for `docker load`: the same image gives the same bytes.

    `tags` are names such as `scoring:latest`. The first `skip` layers are left out: Docker opens a
    layer only if it does not have it on top of the same layers (see `shared_layers`). Raises
    CannotBuild where one of the others is not on this disk.
    """
    layers = {_layer_name(layer): layer for layer in image.layers[skip:]}
    if missing := [name for name, layer in layers.items() if not layer.here]:
        raise CannotBuild(what="layers of the image are not on this disk", causes=tuple(missing))
    config_name = f"{image.config_digest.hex}.json"
    index = {
        "Config": config_name,
        "Layers": [_layer_name(layer) for layer in image.layers],
        "RepoTags": list(tags),
    }
    with file_beside(path) as beside, beside.open("xb") as tar:
        _write(tar, _INDEX, canonical([index]))
        _write(tar, config_name, image.config)
        for name, layer in sorted(layers.items()):
            _copy(tar, name, layer)
        tar.write(END)


def shared_layers(image: Image, others: Sequence[Sequence[Digest]]) -> int:
    """How many of the image's first layers an engine has, which holds images of these diff_ids.

    A layer counts only on top of the same layers: engines know it by its chain id (image-spec,
    `config.md`, "Layer ChainID").
    """
    return max((_common(image, diff_ids) for diff_ids in others), default=0)


def read_archive(path: Path, *, architecture: str | None = None) -> Image:
    """Read what `docker save` or `write_docker_archive` wrote, or the tar of an OCI layout.

    Nothing is unpacked: layers lie within the archive, each at its offset. What Docker saves has
    no manifest, so one is made up (`Image.made_up`): its descriptors carry diff_ids as digests.
    Raises CannotBuild for anything else.
    """
    places = Archive(path)
    found = places.find(_INDEX)
    return _saved(places, found, architecture) if found else image_in(places, architecture)


def read_image(path: Path, *, architecture: str | None = None) -> Image:
    """Read whatever image lies at `path`: a layout, or an archive of one of the known kinds."""
    places = open_places(path)
    if isinstance(places, Archive):
        return read_archive(path, architecture=architecture)
    return image_in(places, architecture)


def _write(tar: BinaryIO, name: str, data: bytes) -> None:
    tar.write(file_header(name, len(data)))
    tar.write(data)
    tar.write(bytes(-len(data) % BLOCK))


def _copy(tar: BinaryIO, name: str, layer: ImageLayer) -> None:
    size = layer.descriptor.size_bytes
    tar.write(file_header(name, size))
    start = tar.tell()
    with layer.open() as source:
        shutil.copyfileobj(source, tar, 1 << 20)
    if tar.tell() - start != size:
        raise CannotBuild(
            what=f"the layer {layer.descriptor.digest} changed on disk",
            causes=(f"its bytes were in {layer.path}",),
            hint="build again",
        )
    tar.write(bytes(-size % BLOCK))


def _layer_name(layer: ImageLayer) -> str:
    return f"{layer.descriptor.digest.hex}.tar.gz"


def _common(image: Image, diff_ids: Sequence[Digest]) -> int:
    count = 0
    for layer, other in zip(image.layers, diff_ids, strict=False):
        if layer.diff_id != other:
            break
        count += 1
    return count


def _saved(places: Places, index: Place, architecture: str | None) -> Image:
    with readable(f"{_INDEX} in {places.name}"):
        entries = [as_object(entry, _INDEX) for entry in parse_list(index.read())]
        configs = [_file(places, text_at(entry, "Config")).read() for entry in entries]
        chosen = [
            (entry, data)
            for entry, data in zip(entries, configs, strict=True)
            if len(entries) == 1
            or architecture is None
            or parse_config(data, name=places.name).architecture == architecture
        ]
        if len(chosen) != 1:
            raise CannotBuild(
                what=f"{places.name} holds {len(chosen)} images to choose from",
                hint="save one image alone: `docker save NAME`",
            )
        return _made_up(places, *chosen[0])


def _made_up(places: Places, entry: Object, config_data: bytes) -> Image:
    diff_ids = parse_config(config_data, name=places.name).diff_ids
    names = texts_at(entry, "Layers")
    if len(names) != len(diff_ids):
        raise ValueError("it names other layers than its config")
    layers = [
        _saved_layer(_file(places, name), diff_id)
        for name, diff_id in zip(names, diff_ids, strict=True)
    ]
    manifest = Manifest(
        family="docker",
        config=Descriptor(
            media_type=CONFIG["docker"],
            digest=Digest.of(config_data),
            size_bytes=len(config_data),
        ),
        layers=tuple(layer.descriptor for layer in layers),
    )
    data = dump_manifest(manifest)
    return replace(Image.of(data, MANIFEST["docker"], config_data, layers), made_up=True)


def _saved_layer(place: Place, diff_id: Digest) -> ImageLayer:
    with place.open() as file:
        compressed = file.read(2) == GZIP_MAGIC
    descriptor = Descriptor(
        media_type=LAYER["docker"] if compressed else _UNCOMPRESSED,
        digest=diff_id,
        size_bytes=place.size_bytes,
    )
    return ImageLayer(descriptor=descriptor, diff_id=diff_id, path=place.path, offset=place.offset)


def _file(places: Places, name: str) -> Place:
    if (place := places.find(name)) is None:
        raise ValueError(f"{name} is missing")
    return place
