"""An ARTEFACT as images that can go elsewhere, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.ecr import MOVING
from imagekit.model.errors import BuildError, UsageError
from imagekit.model.image import (
    CONFIG,
    INDEXES,
    LAYER,
    MANIFEST,
    Descriptor,
    LayerRecord,
    Manifest,
)
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.oci.archive import GZIP_MAGIC, read_archive, read_image
from imagekit.oci.documents import dump_manifest, parse_config, parse_manifest
from imagekit.oci.history import shared_layers
from imagekit.oci.image import Image, ImageLayer
from imagekit.oci.layer import gzip
from imagekit.oci.layout import top_media_types
from imagekit.pipeline.last_build import last_build
from imagekit.pipeline.named import DOCKER, InDocker, InRegistry, named
from imagekit.pipeline.newest import loaded_name
from imagekit.pipeline.pushing.destination import repository_of
from imagekit.pipeline.pushing.way import push_plan
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig, ProjectConfig
from imagekit.registry.copy import copy_plan
from imagekit.registry.push import PushPlan


class Movable(Struct, frozen=True, kw_only=True):
    """One image, and what it is called where nobody says otherwise."""

    name: str
    plan: PushPlan
    home: Reference | None = None
    """Its repository, where it comes from one."""
    tag: str | None = None
    function: str | None = None
    architecture: Architecture | None = None
    """Where the function has several: each is an artefact of its own (decision 11)."""


@contextmanager
def movable(
    workshop: Workshop, text: str, project: ProjectConfig | None
) -> Iterator[tuple[Movable, ...]]:
    """Open what `text` names, for as long as the block lasts; several architectures are several.

    UsageError where it names nothing, a ZIP, or an index of images; what the rooms beneath raise
    where it cannot be read.
    """
    what = named(text, project.functions if project else ())
    if isinstance(what, InDocker):
        with workshop.store.folder() as folder:
            yield (_from_docker(workshop, what.name, folder / "image.tar"),)
    elif isinstance(what, Path):
        yield (_from_path(workshop, what),)
    elif isinstance(what, InRegistry):
        yield (_from_registry(workshop, repository_of(text, workshop.home_registry), text),)
    elif project is not None:
        yield _newest(workshop, project.root, what)


def shared_in(workshop: Workshop, plan: PushPlan) -> tuple[LayerRecord, ...]:
    """The layers of an image that imagekit made, but its source; none where it is another's.

    Reads the config from where it lies. Raises RemoteError.
    """
    config = plan.blobs[-1]
    try:
        manifest = parse_manifest(plan.manifest, plan.media_type)
        if config.body is not None:
            with config.body.open() as opened:
                data = opened.read()
        elif config.copy_from is not None:
            workshop.registry.pull_blob(config.copy_from, config.descriptor, workshop.store)
            data = workshop.store.blob_path(config.descriptor.digest).read_bytes()
        else:
            return ()
        return shared_layers(manifest, parse_config(data))
    except BuildError:
        return ()


def _newest(workshop: Workshop, root: Path, function: FunctionConfig) -> tuple[Movable, ...]:
    """What this machine built last, else `dist`, else what builds elsewhere have pushed."""
    found: list[Movable] = []
    for architecture in function.architectures:
        image = _newest_of(workshop, root, function, architecture)
        if image is not None:
            tag = f"{MOVING}{function.name}-{architecture}"
            several = architecture if len(function.architectures) > 1 else None
            found.append(
                replace(image, tag=tag, function=function.name, architecture=several),
            )
    if not found:
        raise UsageError(
            what=f"{function.name} was not built yet", hint=f"imagekit build {function.name}"
        )
    return tuple(found)


def _newest_of(
    workshop: Workshop, root: Path, function: FunctionConfig, architecture: Architecture
) -> Movable | None:
    built = last_build(workshop.store, root, function.name, architecture)
    if built is not None and built.packaging != "image":
        raise _no_image(f"the newest build of {function.name}")
    if built is not None and built.reference:
        return _from_registry(workshop, Reference.parse(built.reference), function.name)
    if built is not None and built.path is None:
        loaded = loaded_name(function, architecture)
        raise UsageError(
            what=f"the newest build of {function.name} was loaded into Docker alone",
            hint=f"imagekit build {function.name}, or name {DOCKER}{loaded} in its place",
        )
    names = (f"{function.name}-{architecture}", function.name)
    paths = [root / "dist" / f"{name}{suffix}" for name in names for suffix in (".oci", ".tar")]
    if built is not None and built.path is not None:
        paths.insert(0, built.path)
    if path := next((path for path in paths if path.exists()), None):
        return _from_path(workshop, path)
    if (root / "dist" / f"{function.name}.zip").exists():
        raise _no_image(f"the newest build of {function.name}")
    if function.repository is None:
        return None
    there = repository_of(function.repository, workshop.home_registry)
    moving = there.tagged(f"{MOVING}{function.name}-{architecture}")
    digest = workshop.registry.has_manifest(moving)
    return _from_registry(workshop, there.at(digest), function.name) if digest else None


def _from_path(workshop: Workshop, path: Path) -> Movable:
    if path.suffix == ".zip":
        raise _no_image(str(path))
    is_layout = path.is_dir() and (path / "oci-layout").exists()
    if is_layout and set(top_media_types(path)) & set(INDEXES):
        raise _an_index(str(path))
    return Movable(name=str(path), plan=_plan(workshop, read_image(path)))


def _from_docker(workshop: Workshop, name: str, archive: Path) -> Movable:
    from imagekit.daemon.engine import connect

    if not name:
        raise UsageError(what=f"{DOCKER} names no image", hint="docker images")
    with connect(workshop.environ) as engine:
        engine.save(name, archive)
    return Movable(name=f"{DOCKER}{name}", plan=_plan(workshop, read_archive(archive)))


def _from_registry(workshop: Workshop, reference: Reference, name: str) -> Movable:
    """By digest: what a tag gives may be translated on the way (lambda_rules E18)."""
    registry = workshop.registry
    digest = reference.digest or registry.has_manifest(reference)
    if digest is None:
        raise UsageError(
            what=f"{reference} is not there",
            hint="name a function, a path, docker:NAME, or an image that was pushed",
        )
    here = reference.at(digest)
    if registry.manifest(here).media_type in INDEXES:
        raise _an_index(str(reference))
    return Movable(name=name, plan=copy_plan(registry, here), home=here, tag=reference.tag)


def _plan(workshop: Workshop, image: Image) -> PushPlan:
    return push_plan(_plain(workshop, image) if image.made_up else image)


def _plain(workshop: Workshop, image: Image) -> Image:
    """What Docker saved without a manifest, with one: its layers compressed as any of ours."""
    layers = tuple(_compressed(workshop, layer) for layer in image.layers)
    config = Descriptor(
        media_type=CONFIG["docker"], digest=image.config_digest, size_bytes=len(image.config)
    )
    manifest = Manifest(
        family="docker", config=config, layers=tuple(layer.descriptor for layer in layers)
    )
    return Image.of(dump_manifest(manifest), MANIFEST["docker"], image.config, layers)


def _compressed(workshop: Workshop, layer: ImageLayer) -> ImageLayer:
    with layer.open() as file:
        saved = file.read()
    blob = saved if saved.startswith(GZIP_MAGIC) else gzip(saved)
    digest: Digest = workshop.store.put_blob(blob)
    descriptor = Descriptor(media_type=LAYER["docker"], digest=digest, size_bytes=len(blob))
    return ImageLayer(
        descriptor=descriptor, diff_id=layer.diff_id, path=workshop.store.blob_path(digest)
    )


def _no_image(name: str) -> UsageError:
    return UsageError(
        what=f"{name} is a ZIP, and registries keep images",
        hint="imagekit deploy takes it where it is, or build with `--packaging image`",
    )


def _an_index(name: str) -> UsageError:
    return UsageError(
        what=f"{name} is an index of images, and Lambda takes one image",
        hint="name one image of it by its digest: REPOSITORY@sha256:…",
    )
