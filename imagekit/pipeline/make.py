"""Plans become artefacts in the store: images and ZIPs, made and checked, nowhere else yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit.contents.carried import carried
from imagekit.contents.fetch import wheel_path
from imagekit.engines.oci import image_of
from imagekit.model.digest import Digest
from imagekit.model.durations import duration
from imagekit.model.errors import UsageError
from imagekit.model.image import LayerRecord, NewLayer
from imagekit.model.outcome import LayerOutcome, Outcome
from imagekit.oci.image import Image
from imagekit.pipeline.checking import require_image
from imagekit.pipeline.layers import MadeLayers, known_layers, make_layers
from imagekit.pipeline.packages import Packages
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.weighing import as_made, known_made, weights_ahead
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.bytecode import all_saved_ms, foreseen_words
from imagekit.plan.bytecode import words as bytecode_words
from imagekit.plan.docker_steps import choose_engine
from imagekit.plan.weights import Weights, counted_bytes, plain_weights
from imagekit.store import Store

if TYPE_CHECKING:
    from imagekit.bundle.build import MadeZip


class Made(Struct, frozen=True, kw_only=True):
    """One artefact: a plan, and the image or the ZIP that it became."""

    plan: BuildPlan
    outcome: Outcome
    image: Image | None = None
    zip: MadeZip | None = None
    image_id: str | None = None
    """Of an image that Docker built: it has it under no name."""


class By(Struct, frozen=True, kw_only=True):
    """Who makes the images of a run."""

    engine: str = "auto"
    keep: bool = False
    """What Docker builds stays in it, under its id alone."""


BY_WHOM_IT_TAKES = By()


def make(
    workshop: Workshop,
    packages: Packages,
    plans: Sequence[BuildPlan],
    layer_made: Callable[[NewLayer], None] = lambda layer: None,
    *,
    by: By = BY_WHOM_IT_TAKES,
    previous: PreviousImages,
) -> tuple[Made, ...]:
    """Make every artefact. Raises BuildError; ChecksFailed for what Lambda would refuse.

    `layer_made` is told, from any thread, of each layer that the store lacked and now has, and of
    some already while they are written.
    `by` says who makes the images.
    `previous` images may have layers that the store lacks.
    UsageError where the engine cannot make what a plan asks for.
    """
    images = [plan for plan in plans if plan.packaging == "image"]
    by_docker = _by_docker(images, by.engine, plans)
    here = [plan for plan in images if _key(plan) not in by_docker]
    layers = make_layers(workshop, packages, here, layer_made, previous)
    built = _built(workshop, packages, [p for p in images if _key(p) in by_docker], by.keep)
    return tuple(
        built.get(_key(plan))
        or (
            _image(workshop, plan, layers)
            if plan.packaging == "image"
            else _zip(workshop, packages, plan)
        )
        for plan in plans
    )


def _by_docker(
    images: Sequence[BuildPlan], engine: str, plans: Sequence[BuildPlan]
) -> set[tuple[str, str]]:
    """Function and architecture of the plans that Docker builds; UsageError."""
    if engine == "docker" and not images:
        names = ", ".join(plan.function for plan in plans)
        raise UsageError(
            what=f"--engine docker makes images, and {names} is a ZIP",
            hint="leave `--engine` out, or add `--packaging image`",
        )
    return {
        _key(plan)
        for plan in images
        if choose_engine(engine, plan.function, plan.steps) == "docker"
    }


def _built(
    workshop: Workshop, packages: Packages, plans: Sequence[BuildPlan], keep: bool
) -> dict[tuple[str, str], Made]:
    """What Docker makes of these plans, one after the other."""
    if not plans:
        return {}
    from imagekit.pipeline.docker.engine import docker

    with docker(workshop, packages) as found:
        made: dict[tuple[str, str], Made] = {}
        for plan in plans:
            twin = next((one for one in made.values() if one.plan.contents == plan.contents), None)
            if twin is not None:
                outcome = replace(twin.outcome, name=plan.function, why=plan.why)
                made[_key(plan)] = replace(twin, plan=plan, outcome=outcome)
                continue
            image, built = found.make(plan)
            if not keep:
                found.forget(built)
            outcome = replace(
                outcome_of(plan, {}, weights_ahead(plan, {}, workshop.store)),
                digest=image.digest,
                size_bytes=_size(image),
                image_id=built.image_id,
                steps_run=built.ran,
                steps_cached=len(built.cached),
            )
            made[_key(plan)] = Made(
                plan=plan, image=image, outcome=outcome, image_id=built.image_id
            )
        return made


def _key(plan: BuildPlan) -> tuple[str, str]:
    return plan.function, plan.target.architecture


def foreseen(workshop: Workshop, plans: Sequence[BuildPlan]) -> tuple[Outcome, ...]:
    """What a build of these plans would make, as far as it is known without making it."""
    images = [plan for plan in plans if plan.packaging == "image"]
    records = known_layers(workshop, images)
    return tuple(
        outcome_of(plan, records, weights_ahead(plan, records, workshop.store))
        if plan.packaging == "image"
        else _foreseen_zip(workshop, plan)
        for plan in plans
    )


def foreseen_image(workshop: Workshop, plan: BuildPlan, there: MadeLayers) -> Image | None:
    """The image itself, where all of its layers are `there`; None where that takes a build."""
    known = all(layer.fingerprint in there.records for layer in plan.layers)
    if plan.packaging != "image" or not known or _by_docker([plan], "auto", [plan]):
        return None
    return _image(workshop, plan, there).image


def _foreseen_zip(workshop: Workshop, plan: BuildPlan) -> Outcome:
    """A ZIP is made of wheels and source: what the store has of it are the wheels.

    Where it has the ZIP itself, sizes are that one's.
    """
    made = known_made(plan, workshop.store)
    if made is None:
        outcome = outcome_of(plan, {}, weights_ahead(plan, {}, workshop.store))
    else:
        told, weights = as_made(plan, made)
        unnamed = tuple(replace(layer, digest=None) for layer in told.attaches)
        outcome = outcome_of(replace(told, attaches=unnamed), {}, weights)
    here = [
        all(wheel_path(package, workshop.store) is not None for package in layer.packages)
        for layer in plan.layers
    ]
    layers = (
        replace(layer, stored=stored) for layer, stored in zip(outcome.layers, here, strict=True)
    )
    if plan.without_bytecode:
        room_bytes = max(plan.limit_bytes - 1 - plan.unzipped_bytes, 0)
        said = foreseen_words(plan.without_bytecode, room_bytes, plan.gains)
        outcome = replace(outcome, bytecode=f"CPython {plan.bytecode}; {said}")
    return replace(outcome, layers=tuple(layers))


def outcome_of(
    plan: BuildPlan, records: Mapping[Digest, LayerRecord], weights: Weights | None = None
) -> Outcome:
    """The plan in the words of an outcome; `records` by fingerprint give what is known.

    `weights` are those of `records` if left out.
    """
    weights = weights or plain_weights(plan, records)
    layers = tuple(
        replace(layer_outcome(layer, records.get(layer.fingerprint)), unzipped_bytes=size_bytes)
        for layer, size_bytes in zip(plan.layers, weights.layers, strict=True)
    )
    extensions = tuple((one.reference, one.facts.unzipped_bytes) for one in plan.extensions)
    return Outcome(
        name=plan.function,
        architecture=plan.target.architecture,
        packaging=plan.packaging,
        why=plan.why,
        unzipped_bytes=counted_bytes(plan, weights),
        limit_bytes=plan.limit_bytes,
        layers=layers,
        base=plan.base.reference if plan.base else None,
        base_bytes=plan.base.facts.unzipped_bytes if plan.base else 0,
        extensions=extensions,
        added_bytes=weights.added_bytes,
        others_bytes=plan.others_bytes,
        foreseen_bytes=weights.foreseen_bytes,
        bytecode=_bytecode(plan),
        docker_for=tuple(plan.steps.words()),
        unpacks=plan.unpacks,
        attaches=plan.attaches,
        slim=plan.slim,
    )


def _bytecode(plan: BuildPlan) -> str:
    """Who compiles it, and what it buys where that was measured."""
    if plan.bytecode is None:
        return "none"
    saved_ms = all_saved_ms(plan.gains)
    saves = "" if saved_ms is None else f"; saves {duration(saved_ms)} of a start"
    return f"CPython {plan.bytecode}{saves}"


def layer_outcome(layer: LayerPlan, record: LayerRecord | None) -> LayerOutcome:
    """One layer in the words of an outcome."""
    return LayerOutcome(
        name=layer.name,
        packages=tuple((package.name, package.version) for package in layer.packages),
        why=layer.why,
        fingerprint=layer.fingerprint,
        unzipped_bytes=record.unzipped_bytes if record else layer.unzipped_bytes,
        stored=record is not None,
        record=record,
    )


def _image(workshop: Workshop, plan: BuildPlan, layers: MadeLayers) -> Made:
    image = image_of(
        plan,
        layers.records,
        workshop.store,
        origins=layers.origins,
        carried=_carried(plan, workshop.store),
    )
    require_image(plan, image, layers.records)
    outcome = replace(
        outcome_of(plan, layers.records), digest=image.digest, size_bytes=_size(image)
    )
    return Made(plan=plan, image=image, outcome=outcome)


def _carried(plan: BuildPlan, store: Store) -> tuple[dict[str, object], ...]:
    """Of the project's packages, and of the runtime client's."""
    found = (carried(packages, store) for packages in (plan.packages, plan.client) if packages)
    return tuple(one for one in found if one is not None)


def _size(image: Image) -> int:
    """Compressed, base included."""
    return len(image.config) + sum(layer.descriptor.size_bytes for layer in image.layers)


def _zip(workshop: Workshop, packages: Packages, plan: BuildPlan) -> Made:
    from imagekit.pipeline.zips import make_checked

    made = make_checked(workshop, packages, plan)
    told, weights = as_made(plan, made)
    outcome = replace(
        outcome_of(told, {}, weights),
        size_bytes=made.size_bytes + sum(layer.size_bytes for layer in made.attached),
        digest=made.digest,
    )
    if told.unpacks is not None and made.rest is not None:
        outcome = replace(outcome, unpacks=replace(told.unpacks, digest=made.rest.digest))
    if made.bytecode is not None and (said := bytecode_words(made.bytecode)):
        outcome = replace(outcome, bytecode=f"CPython {plan.bytecode}; {said}")
        if made.bytecode.cut:
            workshop.console.say(f"{plan.function}: of its bytecode {said}")
    return Made(plan=plan, zip=made, outcome=outcome)
