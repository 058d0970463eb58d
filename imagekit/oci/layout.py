"""An image as a folder: OCI image-spec, `image-layout.md`.

The layout may be sparse: it then holds what was built here, and its descriptor names the base
whose layers are missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from imagekit.model.errors import CannotBuild
from imagekit.model.image import Descriptor
from imagekit.oci.beside import folder_beside
from imagekit.oci.documents import dump_descriptor, parse_config
from imagekit.oci.image import Image, ImageLayer
from imagekit.oci.opened import BASE, LAYER_FROM, MARKER, SPARSE, image_in, top
from imagekit.oci.places import open_places
from imagekit.oci.values import canonical, text_at

REF_NAME: Final = "org.opencontainers.image.ref.name"

_BLOBS: Final = "blobs/sha256"
_INDEX: Final = "application/vnd.oci.image.index.v1+json"


def write_layout(
    image: Image,
    folder: Path,
    *,
    complete: bool = False,
    base_reference: str | None = None,
    tag: str | None = None,
) -> bool:
    """Write the image as the layout `folder`, in place of one that is there; True if sparse.

    Without `complete` layers that others made are left out, as is any other layer that a registry
    has. With it, a layer that is not here raises CannotBuild, as does without it one that is
    nowhere, and a folder that is no layout: it is the user's. Layers are copied, so that nobody can
    spoil the store's. A folder that holds the same layout is left as it is.
    """
    _replaceable(folder)
    if any(not (one.here or one.by_others or one.origin) for one in image.layers):
        raise _missing(image)
    here = [layer for layer in image.layers if layer.here and (complete or not layer.by_others)]
    sparse = len(here) < len(image.layers)
    if complete and sparse:
        raise _missing(image)
    annotations = _annotations(sparse, base_reference, tag)
    annotations |= _origins(image, here, base_reference)
    documents = {
        "index.json": _index(image, annotations),
        MARKER: canonical({"imageLayoutVersion": "1.0.0"}),
        f"{_BLOBS}/{image.config_digest.hex}": image.config,
        f"{_BLOBS}/{image.digest.hex}": image.manifest,
    }
    if not _holds(folder, documents, here):
        with folder_beside(folder) as beside:
            (beside / _BLOBS).mkdir(parents=True)
            for layer in here:
                _copy(layer, beside / _BLOBS / layer.descriptor.digest.hex)
            for name, data in documents.items():
                (beside / name).write_bytes(data)
    return sparse


def _holds(folder: Path, documents: Mapping[str, bytes], layers: Sequence[ImageLayer]) -> bool:
    """Whether the folder is this layout already: a build where nothing changed copies nothing."""
    try:
        sizes = {path.name: path.stat().st_size for path in (folder / _BLOBS).iterdir()}
        alike = all((folder / name).read_bytes() == data for name, data in documents.items())
    except OSError:
        return False
    wanted = {one.descriptor.digest.hex: one.descriptor.size_bytes for one in layers}
    wanted |= {name.rpartition("/")[2]: len(documents[name]) for name in documents if "/" in name}
    return alike and sizes == wanted


def _annotations(sparse: bool, base_reference: str | None, tag: str | None) -> dict[str, str]:
    annotations = {REF_NAME: tag} if tag else {}
    if sparse:
        annotations[SPARSE] = "true"
        if base_reference:
            annotations[BASE] = base_reference
    return annotations


def _origins(
    image: Image, here: Sequence[ImageLayer], base_reference: str | None
) -> dict[str, str]:
    """Where those missing layers lie that are not the base's."""
    away = (layer for layer in image.layers if layer not in here and layer.origin is not None)
    named = {f"{LAYER_FROM}{layer.descriptor.digest.hex}": str(layer.origin) for layer in away}
    return {key: origin for key, origin in named.items() if origin != base_reference}


def _index(image: Image, annotations: dict[str, str]) -> bytes:
    manifest = Descriptor(
        media_type=image.media_type, digest=image.digest, size_bytes=len(image.manifest)
    )
    config = parse_config(image.config)
    platform = {"architecture": config.architecture, "os": config.os}
    if config.variant:
        platform["variant"] = config.variant
    entry = {**dump_descriptor(manifest), "platform": platform}
    if annotations:
        entry["annotations"] = annotations
    return canonical({"manifests": [entry], "mediaType": _INDEX, "schemaVersion": 2})


def _copy(layer: ImageLayer, target: Path) -> None:
    if layer.path is not None and layer.offset == 0:
        shutil.copyfile(layer.path, target)
    else:
        with layer.open() as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
    if target.stat().st_size != layer.descriptor.size_bytes:
        raise CannotBuild(
            what=f"the layer {layer.descriptor.digest} changed on disk",
            causes=(f"its bytes were in {layer.path}",),
            hint="build again",
        )


def _replaceable(folder: Path) -> None:
    if not folder.exists() or (folder / MARKER).is_file():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise CannotBuild(
            what=f"{folder} is there already and is no OCI layout",
            hint="move it away, or choose another folder with `--output`",
        )


def _missing(image: Image) -> CannotBuild:
    digests = tuple(str(layer.descriptor.digest) for layer in image.layers if not layer.here)
    return CannotBuild(
        what="layers of the image are not on this disk", causes=digests, hint="build again"
    )


def read_layout(path: Path, *, architecture: str | None = None) -> Image:
    """Read the image of a layout: a folder, or an uncompressed tar of one.

    Indexes within are followed, attestations passed over. `architecture`, as OCI spells it, chooses
    among several images. Both documents are checked against their digests; layers that are not
    there have no path, and in a sparse layout the base's reference as their origin. Raises
    CannotBuild for what is wrong, and DigestMismatch for a document that is another.
    """
    return image_in(open_places(path), architecture)


def top_media_types(path: Path) -> tuple[str, ...]:
    """What a layout's `index.json` names: an index among them is what a push would send (M2)."""
    return tuple(text_at(entry, "mediaType") for entry in top(open_places(path)))
