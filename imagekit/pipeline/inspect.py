"""`imagekit inspect` and `imagekit diff`: what is in artefacts that are there already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from msgspec import Struct
from msgspec.structs import replace

from imagekit.bases.record import load_pinned
from imagekit.check.inventory.difference import difference
from imagekit.check.inventory.footprint import (
    base_is_away,
    footprint_of,
    largest_files,
    limits_of,
)
from imagekit.check.inventory.read import Reader
from imagekit.check.opened import OpenImage, OpenLayer, OpenZip
from imagekit.console import Meter
from imagekit.model.digest import Digest
from imagekit.model.errors import LockError
from imagekit.model.lambda_layer import MOST_LAYERS, layer_path
from imagekit.pipeline.artefact import Opened, opened
from imagekit.pipeline.named import project_here
from imagekit.pipeline.workshop import Workshop
from imagekit.project.imagekit_lock import NAME, read
from imagekit.report.difference import difference_json, difference_lines
from imagekit.report.footprint import inspection_json, inspection_lines
from imagekit.store import Store

_LARGEST = 50


def inspect(workshop: Workshop, artefact: str, *, json: bool) -> None:
    """Answer with what the artefact holds. Raises what opening it raises, and CannotBuild."""
    with opened(workshop, artefact) as found, _watched(workshop, [found]) as (watched,):
        inventory = Reader(find=partial(_archive, workshop.store)).read(watched)
        if base_is_away(inventory):
            inventory = replace(inventory, base_bytes=_base_bytes(workshop, found))
    footprint, limits = footprint_of(inventory), limits_of(inventory)
    files, size_bytes = largest_files(inventory, _LARGEST), inventory.size_bytes
    if json:
        workshop.console.answer(inspection_json(footprint, limits, files, size_bytes=size_bytes))
        return
    lines = inspection_lines(
        footprint, limits, files, size_bytes=size_bytes, columns=workshop.console.columns()
    )
    workshop.console.answer("\n".join(lines))


def diff(workshop: Workshop, before: str, after: str, *, json: bool) -> None:
    """Answer with what differs. Raises what opening either raises, and CannotBuild."""
    with ExitStack() as both:
        found = [both.enter_context(opened(workshop, text)) for text in (before, after)]
        one, other = both.enter_context(_watched(workshop, found))
        reader = Reader(content=True, find=partial(_archive, workshop.store))
        differs = difference(reader.read(one), reader.read(other))
    answer = difference_json(differs) if json else "\n".join(difference_lines(differs))
    workshop.console.answer(answer)


def _base_bytes(workshop: Workshop, found: Opened) -> int:
    """What the image's base weighs as this machine or the project's lock knows it; else 0."""
    if isinstance(found, OpenZip) or found.base is None:
        return 0
    if base := load_pinned(workshop.store, found.base):
        return base.facts.unzipped_bytes
    project = project_here(workshop)
    try:
        lock = read(project.root / NAME) if project else None
    except LockError:
        lock = None
    pins = lock.bases if lock else ()
    return next((pin.facts.unzipped_bytes for pin in pins if pin.digest == found.base), 0)


@contextmanager
def _watched(workshop: Workshop, found: Iterable[Opened]) -> Iterator[list[Opened]]:
    """The same artefacts; layers that the store has are read there, and reading shows a bar."""
    here = [_from_store(one, workshop.store) for one in found]
    layers = [layer for one in here if isinstance(one, OpenImage) for layer in one.layers]
    sizes = {
        layer.descriptor.digest: layer.descriptor.size_bytes
        for layer in layers
        if layer.descriptor and layer.open
    }
    with workshop.console.meter("reading layers", sum(sizes.values())) as meter:
        yield [_metered(one, meter) for one in here]


def _from_store(found: Opened, store: Store) -> Opened:
    if isinstance(found, OpenZip):
        return _with_all(found)
    return replace(found, layers=tuple(_stored(layer, store) for layer in found.layers))


def _stored(layer: OpenLayer, store: Store) -> OpenLayer:
    blob = layer.descriptor
    if blob is None or not store.has_blob(blob.digest, blob.size_bytes):
        return layer
    path = store.blob_path(blob.digest)
    return replace(layer, open=lambda: path.open("rb"))


def _with_all(found: OpenZip) -> OpenZip:
    """The same ZIP with every layer beside it, also behind one that is not there."""
    if not isinstance(found.source, Path):
        return found
    paths = (layer_path(found.source, number) for number in range(1, MOST_LAYERS + 1))
    return replace(found, layers=tuple(path for path in paths if path.is_file()))


def _archive(store: Store, digest: Digest, size_bytes: int) -> Path | None:
    """What a ZIP names, where the store has it."""
    return store.blob_path(digest) if store.has_blob(digest, size_bytes) else None


def _metered(found: Opened, meter: Meter) -> Opened:
    if not isinstance(found, OpenImage):
        return found
    layers = (
        replace(layer, open=partial(_open, layer.open, meter)) if layer.open else layer
        for layer in found.layers
    )
    return replace(found, layers=tuple(layers))


def _open(source: Callable[[], BinaryIO], meter: Meter) -> BinaryIO:
    return cast("BinaryIO", _Counted(source(), meter))


class _Counted(Struct, frozen=True):
    """A blob whose reading is told to a meter."""

    blob: BinaryIO
    meter: Meter

    def read(self, size: int = -1) -> bytes:
        data = self.blob.read(size)
        self.meter(len(data))
        return data

    def __enter__(self) -> _Counted:
        return self

    def __exit__(self, *_: object) -> None:
        self.blob.close()
