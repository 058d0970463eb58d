"""System packages and `run` steps of a base that comes from a registry: work for a container.

mmdebstrap runs those of a Debian base while it composes it (`bases.debian`).
"""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.bases.definition import Definition
from imagekit.bases.reading import Documents, Stream, read_facts
from imagekit.model.base import Base
from imagekit.model.image import Descriptor
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.oci.documents import parse_config
from imagekit.oci.image import ConfigChange, Image
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.docker_steps import DockerSteps
from imagekit.plan.packaging import IMAGE_LIMIT_BYTES

_ARCHITECTURES: dict[str, Architecture] = {"amd64": "x86_64", "arm64": "arm64"}


def with_steps(workshop: Workshop, definition: Definition, parent: Base) -> Base:
    """`parent` with the definition's `system` packages and, after them, its `run` steps.

    The steps' layers lie in the store (`Base.origins`), and the facts are read anew, as a system
    package may bring any file. Shared Python packages go on top of it, without Docker. CannotBuild
    where a step fails, RemoteRefused where no engine can run them.
    """
    from imagekit.pipeline.docker.engine import docker

    with docker(workshop, None) as found:
        image, built = found.build(_plan(definition, parent))
        found.forget(built)
    return _on_top(workshop, definition, parent, image)


def _plan(definition: Definition, parent: Base) -> BuildPlan:
    return BuildPlan(
        function=definition.name,
        handler="",
        target=parent.target(_ARCHITECTURES[parent.config.architecture]),
        packaging="image",
        why=f"the steps of {definition.path}",
        base=parent,
        bytecode=None,
        layers=(),
        settings=ConfigChange(),
        limit_bytes=IMAGE_LIMIT_BYTES,
        steps=DockerSteps(system=definition.system, run=definition.run),
    )


def _on_top(workshop: Workshop, definition: Definition, parent: Base, image: Image) -> Base:
    """The parent with the image's further layers; settings stay the parent's."""
    said = parse_config(image.config, name=definition.name)
    config = replace(parent.config, diff_ids=said.diff_ids, history=said.history)
    layers = tuple(layer.descriptor for layer in image.layers)
    added = len(layers) - len(parent.layers)
    base = replace(
        parent,
        config=config,
        layers=layers,
        origins=(*parent.places, *(None,) * added),
        digest=image.digest,
        in_store=False,
        published=None,
    )
    places = dict(zip((layer.digest for layer in layers), base.places, strict=True))

    def open_layer(layer: Descriptor) -> Stream:
        place = places[layer.digest]
        if place is None:
            return workshop.store.blob_path(layer.digest).open("rb")
        return workshop.registry.open_blob(Reference.parse(place), layer.digest)

    documents = Documents(digest=image.digest, family=base.family, config=config, layers=layers)
    with workshop.console.meter(f"reading the base {definition.name}", 0) as meter:
        facts = read_facts(
            definition.name, documents, open_layer, workshop.sleep, meter, workshop.store
        )
    return replace(base, facts=facts)
