"""`imagekit release --plan`: what a release would look at is looked at, and nothing is changed.

    plans ─→ refused as early as a release ─→ layers, pushes, promotions, deployments as steps

Of an artefact that is not made yet the digest is not known, unless a registry and the store have
all of its layers: then the steps say what is known, and else what would be done at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.deployment import Step
from imagekit.model.digest import Digest
from imagekit.model.lambda_layer import layer_path
from imagekit.model.outcome import LayerOutcome, Outcome
from imagekit.model.reference import Reference
from imagekit.model.sizes import size
from imagekit.oci.image import Image
from imagekit.pipeline.deliver import Delivery
from imagekit.pipeline.deploying.jobs import Coming
from imagekit.pipeline.deploying.places import Spot
from imagekit.pipeline.deploying.request import DeployRequest
from imagekit.pipeline.deploying.running import Running
from imagekit.pipeline.deploying.sent import Archive, Source, classic, image_to_come
from imagekit.pipeline.deploying.stages import at_stage, naming
from imagekit.pipeline.layers import MadeLayers, layers_there
from imagekit.pipeline.make import foreseen, foreseen_image
from imagekit.pipeline.planning.budget import Budgets
from imagekit.pipeline.pushing.destination import repository_of
from imagekit.pipeline.pushing.known import Cache, Known
from imagekit.pipeline.pushing.way import Way
from imagekit.pipeline.request import Outputs
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.config import FunctionConfig, Stage
from imagekit.project.config_stages import repository_of as stage_repository
from imagekit.project.git import commit

UNMADE = Digest("0" * 64)
"""Of what nobody knows the digest of."""


_DOCUMENTS_BYTES = 8192
"""Of a config and of what surrounds files in a layer, more or less."""


class Foreseen(Struct, frozen=True, kw_only=True):
    """One artefact before it is made."""

    plan: BuildPlan
    outcome: Outcome
    image: Image | None
    """Where all of its layers are known."""
    way: Way | None
    """Of an image, into its repository."""

    @property
    def digest(self) -> Digest:
        """The image's, or that of nothing."""
        return self.image.digest if self.image else UNMADE


class Foreseeing(Struct, frozen=True, kw_only=True):
    """The steps of one release."""

    session: Session
    delivery: Delivery
    layers: MadeLayers
    artefacts: Sequence[Foreseen]

    @classmethod
    def open(cls, session: Session, outputs: Outputs, known: Known) -> Foreseeing:
        """Raises what a release raises before it makes anything."""
        workshop = session.workshop
        cache = Cache.open(session, outputs, known.deployed)
        session = session.reusing(cache.previous)
        plans = session.plans()
        if known.require is not None:
            known.require(plans)
        Budgets(session=session, previous=cache.previous).require_foreseen(plans)
        delivery = Delivery.open(session, outputs, plans, cache)
        images = [plan for plan in plans if plan.packaging == "image"]
        layers = layers_there(workshop, images, cache.previous, source=True)
        artefacts = tuple(
            Foreseen(
                plan=plan,
                outcome=outcome,
                image=foreseen_image(workshop, plan, layers),
                way=delivery.ways.get((plan.function, plan.target.architecture)),
            )
            for plan, outcome in zip(plans, foreseen(workshop, plans), strict=True)
        )
        return cls(session=session, delivery=delivery, layers=layers, artefacts=artefacts)

    def builds(self) -> Iterator[Step]:
        """Layers, repositories and pushes. RemoteRefused where a repository is missing."""
        ways = [one.way for one in self.artefacts if one.way is not None]
        made = {one.name for one in self.delivery.repositories().to_make(w.early for w in ways)}
        told: set[str] = set()
        for one in self.artefacts:
            name = one.plan.function
            yield Step(function=name, what=self._make(one))
            if one.way is None:
                continue
            to = one.way.to
            if to.repository.name in made - told:
                told.add(to.repository.name)
                yield Step(function=name, what=f"make the repository {to.repository.name}")
            is_new = to.repository.name in made
            yield Step(function=name, what=self._push(one, one.way, is_new=is_new))

    def promotions(self, stages: Sequence[Stage | None]) -> Iterator[Step]:
        """Into the repositories of the stages that have their own."""
        for stage in stages:
            if stage is None or stage.repository is None:
                continue
            with naming(stage):
                yield from self._promoted(stage)

    def deployments(self, request: DeployRequest, running: Running) -> Iterator[Step]:
        """What `deploy --dry-run` would say. CannotDeploy with every reason not to."""
        from imagekit.pipeline.deploying.deploy import planned
        from imagekit.pipeline.deploying.jobs import Preparing

        def coming(spot: Spot) -> Coming:
            return self._coming(spot, running)

        looking = replace(request, dry_run=True)
        preparing = Preparing(project=self.session.project, request=looking, coming=coming)
        for job in preparing.jobs(running.spots):
            found = planned(job)
            sure = job.wanted.digest != UNMADE
            for step in found.steps or ("nothing differs",):
                what = step if sure else f"at most: {step.replace(str(UNMADE), '(what is made)')}"
                yield Step(function=found.function, stage=found.stage, what=what)

    def _make(self, one: Foreseen) -> str:
        layers = one.outcome.layers
        if one.plan.packaging != "image":
            missing = sum(not layer.stored for layer in layers)
            parts = "1 part" if missing == 1 else f"{missing} parts"
            verb = f"fetch {parts}, then " if missing else ""
            return f"{verb}make the ZIP and check it"
        if one.outcome.docker_for:
            return f"have Docker make the image ({', '.join(one.outcome.docker_for)}), and check it"
        made = [layer for layer in layers if self._is_made(one.plan, layer)]
        taken = len(layers) - len(made) - sum(layer.stored for layer in layers)
        unzipped = size(sum(layer.unzipped_bytes for layer in made))
        names = ", ".join(layer.name for layer in made)
        told = f"make {len(made)} of {len(layers)} layers ({names}; {unzipped} unzipped)"
        reused = f", take {taken} from the registry" if taken else ""
        return f"{told if made else 'make no layer'}{reused}, and check the image"

    def _is_made(self, plan: BuildPlan, layer: LayerOutcome) -> bool:
        kind = next(one.kind for one in plan.layers if one.fingerprint == layer.fingerprint)
        at_registry = kind != "source" and layer.fingerprint in self.layers.origins
        return not layer.stored and not at_registry

    def _push(self, one: Foreseen, way: Way, *, is_new: bool) -> str:
        to = way.to
        current = None if is_new else way.early.current()
        if one.image is not None and not is_new:
            if current is not None and current.digest == one.image.digest:
                return f"push nothing: {to.first} is {one.image.digest} already"
            here = to.repository.at(one.image.digest)
            if way.workshop.registry.has_manifest(here) is not None:
                return f"push nothing but {', '.join(to.tags)}: {here} is there"
        known = frozenset() if is_new else way.known()
        total = sum(size_bytes for digest, size_bytes in self._blobs(one) if digest not in known)
        named = f" as {one.image.digest}" if one.image else ""
        return f"push to {to.first}{named}: at most about {size(total)}"

    def _blobs(self, one: Foreseen) -> Iterator[tuple[Digest | None, int]]:
        """Digest and bytes of each, without compression where the layer is not made yet."""
        if one.image is not None:
            yield one.image.config_digest, len(one.image.config)
            yield from (
                (each.descriptor.digest, each.descriptor.size_bytes) for each in one.image.layers
            )
            return
        base = one.plan.base.layers if one.plan.base else ()
        yield from ((each.digest, each.size_bytes) for each in base)
        others = (each for extension in one.plan.extensions for each in extension.facts.layers)
        yield from ((each.digest, each.size_bytes) for each in others)
        yield None, _DOCUMENTS_BYTES
        for layer in one.plan.layers:
            record = self.layers.records.get(layer.fingerprint)
            yield (record.digest, record.size_bytes) if record else (None, layer.unzipped_bytes)

    def _promoted(self, stage: Stage) -> Iterator[Step]:
        from imagekit.registry.early import EarlyBlobs

        workshop = at_stage(self.session.workshop, stage)
        rooms = replace(self.delivery.repositories(), workshop=workshop)
        for one in (each for each in self.artefacts if each.way is not None):
            function = self.session.function(one.plan)
            there = _own_repository(function, stage, workshop).at(one.digest)
            early = EarlyBlobs(workshop.registry, there)
            step = Step(function=function.name, stage=stage.name, what=f"promote to {there.name}")
            if rooms.to_make([early]):
                yield replace(step, what=f"make the repository {there.name}")
            elif early.current() is not None:
                step = replace(step, what=f"promote nothing: {there} is there")
            yield step

    def _coming(self, spot: Spot, running: Running) -> Coming:
        plan = running.fitting(spot, [one.plan for one in self.artefacts])
        one = next(one for one in self.artefacts if one.plan is plan)
        source = Source(
            architecture=plan.target.architecture,
            base=_tag(one.outcome.base),
            commit=commit(self.session.project.root),
        )
        if one.way is None:
            path = self.delivery.folder / f"{self.delivery.name(plan)}.zip"
            return Coming(source=source, made=_archive(one.outcome, path))
        reference = one.way.to.repository
        if spot.stage is not None and spot.stage.repository is not None:
            reference = _own_repository(spot.function, spot.stage, spot.workshop)
        made = image_to_come(plan, classic(reference.at(one.digest)))
        return Coming(source=source, made=made)


def _own_repository(function: FunctionConfig, stage: Stage, workshop: Workshop) -> Reference:
    return repository_of(str(stage_repository(function, stage)), workshop.home_registry)


def _archive(outcome: Outcome, path: Path) -> Archive:
    return Archive(
        path=path,
        digest=UNMADE,
        size_bytes=0,
        unzipped_bytes=outcome.unzipped_bytes,
        # As if they lay beside it: they will.
        layers=tuple(
            replace(layer, path=layer_path(path, number))
            for number, layer in enumerate(outcome.attaches, 1)
        ),
    )


def _tag(reference: str | None) -> str | None:
    try:
        return Reference.parse(reference).tag if reference else None
    except ValueError:
        return None


def foresee(
    session: Session,
    outputs: Outputs,
    known: Known,
    stages: Sequence[Stage | None],
    deploying: tuple[DeployRequest, Running] | None,
) -> tuple[Step, ...]:
    """Every step of a release in its order; `deploying` is None where nothing is deployed.

    Raises what speaks against it before anything is made.
    """
    found = Foreseeing.open(session, outputs, known)
    steps = list(found.builds())
    if deploying is not None:
        steps += found.promotions(stages)
        steps += found.deployments(*deploying)
    return tuple(steps)
