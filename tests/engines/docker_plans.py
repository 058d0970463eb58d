"""Plans for the tests of the Docker engine: values, no files."""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.model.base import Base, BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.extension import Extension, ExtensionFacts
from imagekit.model.image import LAYER, Descriptor, ImageConfig
from imagekit.model.package import Artifact, Package
from imagekit.model.target import Target
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import (
    BuildPlan,
    client_layer,
    image_settings,
    package_layers,
    source_layer,
)
from imagekit.plan.docker_steps import NO_STEPS, DockerSteps

DIGEST = Digest.of(b"base")
BASE_NAME = f"registry.example/python:3.13@{DIGEST}"


def base(reference: str = BASE_NAME, **config: object) -> Base:
    """AWS's base with an interpreter, in a registry."""
    settings = ImageConfig(
        architecture="amd64",
        env=(("PATH", "/var/lang/bin:/usr/bin"),),
        labels=(("team", "platform"),),
        diff_ids=(Digest.of(b"layer"),),
    )
    return Base(
        name="python3.13",
        reference=reference,
        digest=DIGEST,
        family="docker",
        config=replace(settings, **config),
        layers=(Descriptor(media_type=LAYER["docker"], digest=Digest.of(b"blob"), size_bytes=4),),
        facts=BaseFacts(
            python="3.13.5",
            glibc="2.34",
            interpreter="/var/lang/bin/python3.13",
            runtime_client=False,
            unzipped_bytes=100,
        ),
    )


def package(name: str, version: str = "1.0") -> Package:
    filename = f"{name}-{version}-py3-none-any.whl"
    wheel = Artifact(filename=filename, url=f"file:///{filename}", digest=Digest.of(name.encode()))
    return Package(name=name, version=version, wheel=wheel)


def source(text: str = "x = 1\n") -> Tree:
    data = text.encode()
    entry = FileEntry(path="app.py", size_bytes=len(data), owner="source", content=Bytes(data))
    return Tree.of([entry])


def plan(
    *,
    steps: DockerSteps = NO_STEPS,
    packages: tuple[Package, ...] = (package("demo"),),
    bytecode: str | None = "3.13.5",
    env: tuple[tuple[str, str], ...] = (),
    on: Base | None = None,
    extensions: tuple[Extension, ...] = (),
) -> BuildPlan:
    """An image with a runtime client, a layer for each package, and the source."""
    below = on or base()
    weights = {one.name: 1000 - number for number, one in enumerate(packages)}
    client = package("awslambdaric", "4.2.2")
    return BuildPlan(
        function="scoring",
        handler="app.handler",
        target=Target.managed("3.13", "x86_64"),
        packaging="image",
        why="asked for",
        base=below,
        bytecode=bytecode,
        layers=(
            client_layer([client], {client.name: 10}, bytecode),
            *package_layers(packages, weights, bytecode),
            source_layer(source(), bytecode),
        ),
        settings=replace(
            image_settings(below, "app.handler", env, adds_client=True), labels=(("stage", "x"),)
        ),
        limit_bytes=10**10,
        extensions=extensions,
        steps=steps,
    )


def extension() -> Extension:
    return Extension(
        name="registry.example/agent:1",
        reference=f"registry.example/agent:1@{DIGEST}",
        digest=DIGEST,
        facts=ExtensionFacts(layers=()),
    )
