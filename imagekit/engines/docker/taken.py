"""What Docker built, taken out of the engine: as an image that can be checked, written and pushed.

`docker save` gives tars without compression and no manifest. The base's layers are known by their
diff_ids and keep the base's own blobs, so a push mounts them as ever; the others are compressed
here, each diff_id once for all builds. The manifest is a plain one in the base's family: with
Docker's own push, what a tag names depends on the engine's version and its image store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.image import CONFIG, LAYER, MANIFEST, Descriptor, Manifest
from imagekit.oci.archive import GZIP_MAGIC, read_archive
from imagekit.oci.budget import Budget
from imagekit.oci.documents import dump_manifest
from imagekit.oci.image import ConfigChange, Image, ImageLayer, assemble
from imagekit.oci.layer import gzip
from imagekit.oci.values import digest_at, number_at
from imagekit.store import Store

_LAYER = "docker-layer"
_IMAGE = "docker-image"


def taken(archive: Path, base: Base, store: Store) -> Image:
    """The image in an archive that `docker save` wrote, its new layers in the store.

    CannotBuild where the archive cannot be read.
    """
    saved = read_archive(archive)
    below = assemble(base, (), ConfigChange()).layers
    shared = _shared(below, saved.layers)
    budget = Budget()
    own = tuple(_compressed(layer, base, store, budget) for layer in saved.layers[shared:])
    return _image(saved.config, (*below[:shared], *own), base, store)


def remember(image_id: str, image: Image, base: Base, store: Store) -> None:
    """Keep what an engine's image became: as long as its id comes back, nothing is saved again."""
    value: dict[str, object] = {
        "config": image.config.decode(),
        "layers": [str(layer.diff_id) for layer in image.layers],
    }
    store.put_record(_IMAGE, _key(image_id, base), value)


def remembered(image_id: str, base: Base, store: Store) -> Image | None:
    """The image that this id became before; None unless all of its own layers are here."""
    found = store.record(_IMAGE, _key(image_id, base))
    if found is None:
        return None
    below = assemble(base, (), ConfigChange()).layers
    with suppress(ValueError, TypeError, AttributeError):
        named = [Digest.parse(str(one)) for one in list(found["layers"])]  # type: ignore[call-overload]
        shared = len([1 for one, other in zip(below, named, strict=False) if one.diff_id == other])
        own = tuple(_known(diff_id, base, store) for diff_id in named[shared:])
        if None not in own:
            layers = (*below[:shared], *(layer for layer in own if layer))
            return _image(str(found["config"]).encode(), layers, base, store)
    return None


def own_layers(image: Image) -> Iterator[ImageLayer]:
    """Those that Docker made."""
    return (layer for layer in image.layers if not layer.by_others)


def _image(config: bytes, layers: tuple[ImageLayer, ...], base: Base, store: Store) -> Image:
    manifest = Manifest(
        family=base.family,
        config=Descriptor(
            media_type=CONFIG[base.family], digest=Digest.of(config), size_bytes=len(config)
        ),
        layers=tuple(layer.descriptor for layer in layers),
    )
    image = Image.of(dump_manifest(manifest), MANIFEST[base.family], config, layers)
    return image.with_paths(
        lambda one: store.blob_path(one.digest) if store.has_blob(one.digest) else None
    )


def _shared(below: tuple[ImageLayer, ...], saved: tuple[ImageLayer, ...]) -> int:
    """How many of the saved layers are the base's, from the lowest up."""
    count = 0
    for ours, theirs in zip(below, saved, strict=False):
        if ours.diff_id != theirs.diff_id:
            break
        count += 1
    return count


def _compressed(layer: ImageLayer, base: Base, store: Store, budget: Budget) -> ImageLayer:
    if known := _known(layer.diff_id, base, store):
        return known
    with budget.hold(layer.descriptor.size_bytes), layer.open() as file:
        saved = file.read()
        # Docker's containerd image store saves layers as they are pushed.
        blob = saved if saved.startswith(GZIP_MAGIC) else gzip(saved)
        digest = store.put_blob(blob)
    value: dict[str, object] = {"digest": str(digest), "size_bytes": len(blob)}
    store.put_record(_LAYER, layer.diff_id.hex, value)
    return _layer(layer.diff_id, digest, len(blob), base, store)


def _known(diff_id: Digest, base: Base, store: Store) -> ImageLayer | None:
    found = store.record(_LAYER, diff_id.hex)
    if found is None:
        return None
    with suppress(ValueError):
        digest, size_bytes = digest_at(found, "digest"), number_at(found, "size_bytes")
        if store.has_blob(digest, size_bytes):
            return _layer(diff_id, digest, size_bytes, base, store)
    return None


def _layer(
    diff_id: Digest, digest: Digest, size_bytes: int, base: Base, store: Store
) -> ImageLayer:
    descriptor = Descriptor(media_type=LAYER[base.family], digest=digest, size_bytes=size_bytes)
    return ImageLayer(descriptor=descriptor, diff_id=diff_id, path=store.blob_path(digest))


def _key(image_id: str, base: Base) -> str:
    return Digest.of(f"{image_id} {base.digest}".encode()).hex
