"""Images into a Docker Engine: only the layers that it does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagekit.oci.archive import shared_layers, write_docker_archive
from imagekit.oci.image import Image
from imagekit.pipeline.deliver import completed
from imagekit.pipeline.workshop import Workshop

if TYPE_CHECKING:
    from imagekit.daemon.engine import Engine


def local_name(function: str) -> str:
    """What an image is called that is only run here: nobody's own name is moved."""
    return f"imagekit-local/{function.lower()}:latest"


def into_engine(workshop: Workshop, engine: Engine, image: Image, tag: str) -> str:
    """The image's id in the engine, which has it under that name now.

    What lies in a registry alone is fetched; what the engine has is not sent. RemoteRefused,
    CannotBuild.
    """
    known = engine.id_of(str(image.config_digest))
    if known is not None:
        engine.tag(known, tag)
        return known
    skip = shared_layers(image, engine.diff_ids())
    with workshop.store.folder() as folder:
        needed = completed(workshop, image, skip)
        write_docker_archive(needed, folder / "image.tar", tags=(tag,), skip=skip)
        return engine.load(folder / "image.tar")
