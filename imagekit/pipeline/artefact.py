"""An ARTEFACT, as a command takes one: opened, whatever it is and wherever it lies.

A function's name (its newest build), a path (layout, archive, ZIP), `docker:NAME`, or a registry
reference.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from imagekit.check.opened import OpenImage, OpenLayer, OpenZip
from imagekit.model.digest import Digest
from imagekit.model.errors import UsageError
from imagekit.model.image import INDEXES, Descriptor, LayerRecord
from imagekit.model.lambda_layer import MOST_LAYERS, layer_path
from imagekit.model.packaging import rest_path
from imagekit.model.reference import Reference
from imagekit.model.target import Target
from imagekit.oci.archive import read_archive, read_image
from imagekit.oci.documents import parse_config, parse_manifest
from imagekit.oci.history import reusable_layers
from imagekit.oci.image import Image
from imagekit.oci.layout import top_media_types
from imagekit.pipeline.named import (
    DOCKER,
    InDocker,
    InRegistry,
    function_of,
    is_zip,
    named,
    project_for,
)
from imagekit.pipeline.newest import newest
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig

Opened = OpenImage | OpenZip


@contextmanager
def opened(workshop: Workshop, text: str | None) -> Iterator[Opened]:
    """Open what `text` names, for as long as the block lasts; None: the project's only function.

    UsageError where it names nothing; what the rooms beneath raise where it cannot be read.
    """
    project = project_for(workshop, text)
    functions = project.functions if project else ()
    what = named(text, functions)
    function = None
    if project is not None and isinstance(what, FunctionConfig):
        function = what
        what = newest(workshop.store, project.root, function)
    if isinstance(what, InDocker):
        with workshop.store.folder() as folder:
            yield _from_docker(workshop, what.name, folder / "image.tar", functions)
    elif isinstance(what, InRegistry):
        yield _from_registry(workshop, what.text, function)
    elif isinstance(what, Path):
        yield _from_path(what, function or function_of(what, functions))


def _from_path(path: Path, function: FunctionConfig | None) -> Opened:
    if path.is_file() and is_zip(path):
        return OpenZip(
            name=str(path),
            source=path,
            rest=rest if (rest := rest_path(path)).is_file() else None,
            layers=layers_beside(path),
            target=_managed(function),
            handler=function.handler if function else None,
            storage=function.settings.storage if function else None,
        )
    index = next((kind for kind in _top_kinds(path) if kind in INDEXES), None)
    if index is not None:
        return OpenImage(name=str(path), manifest_bytes=None, media_type=index, config_bytes=b"")
    return _image(str(path), read_image(path), function)


def layers_beside(archive: Path) -> tuple[Path, ...]:
    """The Lambda layers that a build wrote beside a ZIP, in their order."""
    paths = (layer_path(archive, number) for number in range(1, MOST_LAYERS + 1))
    return tuple(itertools.takewhile(Path.is_file, paths))


def _top_kinds(path: Path) -> tuple[str, ...]:
    is_layout = path.is_dir() and (path / "oci-layout").exists()
    return top_media_types(path) if is_layout else ()


def _managed(function: FunctionConfig | None) -> Target | None:
    if function is None or function.python is None or len(function.architectures) > 1:
        return None
    return Target.managed(function.python, function.architectures[0])


def _from_docker(
    workshop: Workshop, name: str, archive: Path, functions: Sequence[FunctionConfig]
) -> OpenImage:
    from imagekit.daemon.engine import connect

    if not name:
        raise UsageError(what=f"{DOCKER} names no image", hint="docker images")
    with connect(workshop.environ) as engine:
        engine.save(name, archive)
    # `build --load` names an image after its function.
    function = function_of(Path(name.partition(":")[0]), functions)
    return _image(f"{DOCKER}{name}", read_archive(archive), function)


def _image(name: str, image: Image, function: FunctionConfig | None) -> OpenImage:
    ours = {} if image.made_up else _ours(image.manifest, image.media_type, image.config)
    layers = tuple(
        OpenLayer(
            descriptor=None if image.made_up else layer.descriptor,
            diff_id=layer.diff_id,
            open=layer.open if layer.here else None,
            ours=layer.descriptor.digest in ours,
            known=ours.get(layer.descriptor.digest),
        )
        for layer in image.layers
    )
    lowest = next(iter(image.layers), None)
    return OpenImage(
        name=name,
        manifest_bytes=None if image.made_up else image.manifest,
        media_type=image.media_type,
        config_bytes=image.config,
        layers=layers,
        handler=function.handler if function else None,
        base=lowest.origin.digest if lowest and not lowest.here and lowest.origin else None,
    )


def _from_registry(
    workshop: Workshop, text: str, function: FunctionConfig | None = None
) -> OpenImage:
    reference = Reference.parse(text)
    registry = workshop.registry
    fetched = registry.manifest(reference)
    if fetched.media_type in INDEXES:
        return OpenImage(
            name=text,
            manifest_bytes=fetched.data,
            media_type=fetched.media_type,
            config_bytes=b"",
        )
    here = reference.at(fetched.digest)
    manifest = parse_manifest(fetched.data, fetched.media_type, name=text)
    with registry.open_blob(here, manifest.config.digest) as blob:
        config = blob.read()
    ours = _ours(fetched.data, fetched.media_type, config)

    def reader(descriptor: Descriptor) -> Callable[[], BinaryIO]:
        return lambda: cast("BinaryIO", registry.open_blob(here, descriptor.digest))

    return OpenImage(
        name=text,
        manifest_bytes=fetched.data,
        media_type=fetched.media_type,
        config_bytes=config,
        layers=tuple(
            OpenLayer(
                descriptor=layer,
                open=reader(layer),
                ours=layer.digest in ours,
                known=ours.get(layer.digest),
            )
            for layer in manifest.layers
        ),
        handler=function.handler if function else None,
    )


def _ours(manifest: bytes, media_type: str, config: bytes) -> dict[Digest, LayerRecord]:
    """Layers that imagekit made, by digest, as their history tells."""
    found = reusable_layers(parse_manifest(manifest, media_type), parse_config(config))
    return {record.digest: record for record in found.values()}
