"""What a Dockerfile is rendered from: a plan in the words of the template. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from msgspec import Struct

from imagekit.model.base import Base
from imagekit.model.errors import CannotBuild
from imagekit.oci.image import ConfigChange
from imagekit.plan.build_plan import BuildPlan, LayerPlan

TOOLS = "tools"
SOURCE = "source.tar"
BYTECODE = "bytecode.tar"
DROPPED = "dropped.json"
LIGHTER = "lighter.tar"

# What a Dockerfile's own words would take apart: its escapes, heredocs, flags, and the JSON form.
_NOT_PLAIN = ("\n", "\\", "<<")
_NOT_FIRST = ("-", "[")


class Abilities(Struct, frozen=True, kw_only=True):
    """What the builder understands."""

    mounts: bool = True
    """`RUN --mount`: BuildKit since Engine 20.10."""
    step_network: bool = True
    """`RUN --network`: the Dockerfile frontend in Engine 23 and later."""


class LayerStep(Struct, frozen=True, kw_only=True):
    """One step that installs the wheels of one planned layer."""

    number: int
    name: str
    packages: tuple[str, ...]
    why: str
    root: str
    folder: str
    """In the build context, with the wheels and their bytecode."""
    wheels: tuple[str, ...]
    bytecode: str | None
    dropped: str | None
    """The list of what slimming leaves out of these wheels."""
    lighter: str | None
    """Their shared objects without symbols."""


class Recipe(Struct, frozen=True, kw_only=True):
    """All that the template sees; the file itself says what each value is."""

    function: str
    platform: str
    about: tuple[str, ...]
    base: str
    python: str
    extensions: tuple[str, ...]
    system: tuple[str, ...]
    layers: tuple[LayerStep, ...]
    run: tuple[str, ...]
    source: str | None
    env: tuple[str, ...]
    labels: tuple[str, ...]
    working_dir: str | None
    entrypoint: str | None
    command: str | None
    mounts: bool
    no_network: str


def recipe_of(
    plan: BuildPlan, base: str, abilities: Abilities, extensions: tuple[str, ...] = ()
) -> Recipe:
    """The recipe of an image; `base` is what FROM shall name, `extensions` what is copied from.

    Raises CannotBuild for a variable or a label that no Dockerfile can say.
    """
    found, settings = base_of(plan), plan.settings or ConfigChange()
    return Recipe(
        function=plan.function,
        platform=platform_of(plan),
        about=tuple(_about(plan, loaded="@" not in base)),
        base=base,
        python=found.facts.interpreter,
        extensions=extensions,
        system=plan.steps.system,
        layers=tuple(layer_steps(plan)),
        run=tuple(_instruction(command) for command in plan.steps.run),
        source=SOURCE if any(layer.kind == "source" for layer in plan.layers) else None,
        env=tuple(_pairs("the variable", settings.env)),
        labels=tuple(
            _pairs("the label", {**dict(found.config.labels), **dict(settings.labels)}.items())
        ),
        working_dir=settings.working_dir,
        entrypoint=_words(settings.entrypoint),
        command=_words(settings.command),
        mounts=abilities.mounts,
        no_network="--network=none " if abilities.step_network and abilities.mounts else "",
    )


def base_of(plan: BuildPlan) -> Base:
    """The base of an image's plan; ValueError for a ZIP's."""
    if plan.base is None:
        raise ValueError("the plan of a ZIP makes no image")
    return plan.base


def platform_of(plan: BuildPlan) -> str:
    """As `docker build --platform` wants it."""
    return f"linux/{plan.target.oci_architecture}"


def layer_steps(plan: BuildPlan) -> Iterator[LayerStep]:
    """The steps that install wheels, in stacking order."""
    layers = (layer for layer in plan.layers if layer.packages)
    for number, layer in enumerate(layers, start=1):
        yield LayerStep(
            number=number,
            name=layer.name,
            packages=tuple(f"{one.name}=={one.version}" for one in layer.packages),
            why=layer.why,
            root=layer.root,
            folder=folder_of(layer),
            wheels=tuple(one.wheel.filename for one in layer.packages),
            bytecode=BYTECODE if plan.bytecode else None,
            dropped=DROPPED if is_slimmed(layer) else None,
            lighter=LIGHTER if is_lighter(layer) else None,
        )


def is_slimmed(layer: LayerPlan) -> bool:
    """Whether anything may be left out of a layer's wheels."""
    return any(package.slim.key for package in layer.packages)


def is_lighter(layer: LayerPlan) -> bool:
    """Whether a layer's shared objects go without their symbols."""
    return any(package.slim.symbols is not None for package in layer.packages)


def folder_of(layer: LayerPlan) -> str:
    """Where the build context keeps a layer's wheels: by name, so that another layer before it
    changes no step."""
    return f"layers/{layer.name.replace(' ', '-')}"


def needs_network(plan: BuildPlan) -> bool:
    """Whether any step may use the network."""
    return bool(plan.steps.system or plan.steps.run)


def _about(plan: BuildPlan, *, loaded: bool) -> Iterator[str]:
    platform, name = platform_of(plan), plan.function
    yield f"{name} for {platform}, from the plan that `imagekit build` follows."
    yield ""
    yield f"With imagekit:     imagekit build {name} --engine docker"
    yield f"Without imagekit:  imagekit dockerfile {name} --output context"
    yield "  writes this file and all that it names; who has that folder needs Docker alone:"
    if loaded:
        yield "  docker load --input context/base.tar"
    yield (
        f"  docker buildx build --platform {platform} --provenance=false --sbom=false "
        f"--tag {name.lower()} context"
    )
    yield "  (Lambda refuses what BuildKit makes with provenance or SBOM: an index, not an image.)"


def _instruction(command: str) -> str:
    """A shell command behind RUN: as it is where a Dockerfile leaves it alone, else as JSON."""
    stripped = command.strip()
    plain = not any(each in stripped for each in _NOT_PLAIN) and stripped[0] not in _NOT_FIRST
    return stripped if plain else json.dumps(["/bin/sh", "-c", command], ensure_ascii=False)


def _pairs(what: str, pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for key, value in pairs:
        if "\n" in value or "\r" in value:
            raise CannotBuild(
                what=f"{what} {key} has several lines, which a Dockerfile cannot say",
                hint="write it in one line, or build with `--engine oci`",
            )
        yield f"{_quoted(key) if what == 'the label' else key}={_quoted(value)}"


def _quoted(text: str) -> str:
    # docs.docker.com/reference/dockerfile, "Environment replacement": `\$` is a dollar sign.
    for special in ("\\", '"', "$"):
        text = text.replace(special, f"\\{special}")
    return f'"{text}"'


def _words(words: tuple[str, ...] | None) -> str | None:
    return None if words is None else json.dumps(words, ensure_ascii=False)
