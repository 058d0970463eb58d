"""Artefacts leave the store: to a folder, to a registry, to Docker."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.errors import UsageError
from imagekit.model.image import NewLayer
from imagekit.model.lambda_layer import MOST_LAYERS, LambdaLayer, layer_path
from imagekit.model.outcome import Outcome, changes
from imagekit.model.packaging import Unpacks, rest_path
from imagekit.model.target import Architecture
from imagekit.oci.image import Image
from imagekit.pipeline.last_build import remember
from imagekit.pipeline.make import Made
from imagekit.pipeline.parallel import each
from imagekit.pipeline.planning.budget import weighed
from imagekit.pipeline.pushing.destination import Destination, destination, refuse_collisions
from imagekit.pipeline.pushing.known import Cache
from imagekit.pipeline.request import Outputs
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.pipeline.writable import require_folder
from imagekit.plan.build_plan import BuildPlan

if TYPE_CHECKING:
    from imagekit.pipeline.pushing.repositories import Repositories
    from imagekit.pipeline.pushing.way import Way

DEFAULT_FOLDER = "dist"

_TOGETHER = 4
"""Images that are pushed at once; each sends several blobs at once."""


class Delivery(Struct, frozen=True, kw_only=True, dict=True):
    """Where the artefacts of one run go, decided for all of them before the first is made."""

    workshop: Workshop
    session: Session
    outputs: Outputs
    ways: Mapping[tuple[str, Architecture], Way]
    """Of images that are pushed, by function and architecture."""
    cache: Cache
    """What was seen of registries by now."""

    @cached_property
    def firsts(self) -> Mapping[tuple[str, Architecture], Way]:
        """For each way that of the same image, into the same registry, which goes first."""
        return _firsts(self.ways)

    @classmethod
    def prepare(
        cls, session: Session, outputs: Outputs, plans: Sequence[BuildPlan], cache: Cache
    ) -> Delivery:
        """Find every destination; UsageError where one is missing, two are the same, or a folder
        cannot be written.

        A repository of ECR that is not there is made if that was asked for, else RemoteRefused.
        """
        found = cls.open(session, outputs, plans, cache)
        if outputs.push:
            found.repositories().ready(way.early for way in found.ways.values())
        return found

    @classmethod
    def open(
        cls, session: Session, outputs: Outputs, plans: Sequence[BuildPlan], cache: Cache
    ) -> Delivery:
        """The same without a look at the repositories: nothing is asked or made yet."""
        images = [plan for plan in plans if plan.packaging == "image"]
        if outputs.push and not (images or outputs.zips_too):
            names = ", ".join(plan.function for plan in plans)
            raise UsageError(
                what=f"--push sends images, and {names} is a ZIP",
                hint="leave `--push` out, or add `--packaging image`",
            )
        found = cls(
            workshop=session.workshop, session=session, outputs=outputs, ways={}, cache=cache
        )
        if outputs.writes_files or len(images) < len(plans):
            require_folder("--output" if outputs.folder else "the folder", found.folder)
        return replace(found, ways=found._ways(images)) if outputs.push else found

    def send_ahead(self, layer: NewLayer) -> None:
        """A layer was made: it leaves for every repository whose image has it.

        Not where the same image is pushed before, and mounted from.
        """
        for key, way in self.ways.items():
            if self.firsts[key] is way:
                way.send_ahead(layer)

    def deliver_all(self, made: Sequence[Made], began: float) -> tuple[Outcome, ...]:
        """Bring every artefact where it goes; the first error stops those not begun."""
        # An image that is there already costs one request, and waiting for its answer.
        together = _TOGETHER if len(self.ways) > 1 else 1
        done: dict[tuple[str, Architecture], Outcome] = {}
        # An image of several functions goes to one of them before the others take it from there.
        for again in (False, True):
            here = [one for one in made if self._follows(one.plan) is again]
            outcomes = each(lambda one: self.deliver(one, began), here, together)
            done |= {_key(one.plan): end for one, end in zip(here, outcomes, strict=True)}
        return tuple(done[_key(one.plan)] for one in made)

    def deliver(self, made: Made, began: float) -> Outcome:
        """Bring one artefact everywhere that was asked for; `began` is a monotonic time."""
        outcome = made.outcome
        if made.zip is not None:
            path = self.folder / f"{self.name(made.plan)}.zip"
            _copy_out(self.workshop.store.blob_path(made.zip.digest), path)
            outcome = replace(
                outcome,
                path=path,
                unpacks=self._unpacks(outcome, path),
                attaches=self._attached(outcome, path),
            )
        elif made.image is not None:
            outcome = self._image(made, made.image, outcome)
        return self._settled(made.plan, replace(outcome, seconds=time.monotonic() - began))

    def _unpacks(self, outcome: Outcome, archive: Path) -> Unpacks | None:
        """What goes into a bucket lies beside its ZIP, for whoever uploads it."""
        unpacks, path = outcome.unpacks, rest_path(archive)
        if unpacks is None or unpacks.bucket is None or unpacks.digest is None:
            path.unlink(missing_ok=True)
            return unpacks
        _copy_out(self.workshop.store.blob_path(unpacks.digest), path)
        return replace(unpacks, path=path)

    def _attached(self, outcome: Outcome, archive: Path) -> tuple[LambdaLayer, ...]:
        """Its Lambda layers lie beside it in their order, and none that it had before."""
        written = []
        for number, layer in enumerate(outcome.attaches, 1):
            path = layer_path(archive, number)
            if layer.digest is not None:
                _copy_out(self.workshop.store.blob_path(layer.digest), path)
            written.append(replace(layer, path=path))
        for number in range(len(written) + 1, MOST_LAYERS + 1):
            layer_path(archive, number).unlink(missing_ok=True)
        return tuple(written)

    @property
    def folder(self) -> Path:
        """Where files go: as it was written, and the default as seen from here."""
        if self.outputs.folder is not None:
            return self.outputs.folder
        folder = self.session.project.root / DEFAULT_FOLDER
        here = Path.cwd()
        return folder.relative_to(here) if folder.is_relative_to(here) else folder

    def name(self, plan: BuildPlan) -> str:
        """The artefact's name: the function's, with the architecture where there are several."""
        function = self.session.function(plan)
        several = self.session.several(function)
        return f"{function.name}-{plan.target.architecture}" if several else function.name

    def _ways(self, plans: Sequence[BuildPlan]) -> dict[tuple[str, Architecture], Way]:
        # 40 ms of imports that only a push needs.
        from imagekit.pipeline.pushing.way import Way

        destinations = [self._destination(plan) for plan in plans]
        refuse_collisions(
            (self.name(_twin(plan, plans)), there)
            for plan, there in zip(plans, destinations, strict=True)
        )
        return {
            _key(plan): Way.open(
                self.workshop,
                plan,
                there,
                looks=self.cache.looks,
                shelves=self.cache.shelves,
            )
            for plan, there in zip(plans, destinations, strict=True)
        }

    def _follows(self, plan: BuildPlan) -> bool:
        key = _key(plan)
        return key in self.ways and self.firsts[key] is not self.ways[key]

    def _nearer(self, way: Way, image: Image) -> Image:
        """The image, its layers taken from the repository that has it by now, if one has."""
        first = self.firsts[_key(way.plan)].to.repository
        if first.name == way.to.repository.name:
            return image
        layers = (replace(layer, origin=first.at(image.digest)) for layer in image.layers)
        return replace(image, layers=tuple(layers))

    def repositories(self) -> Repositories:
        """What may be done about those that are not there."""
        from imagekit.pipeline.pushing.repositories import Repositories

        settings = self.session.project.ecr
        create = self.outputs.create or settings.create
        return Repositories(workshop=self.workshop, settings=settings, create=create)

    def _destination(self, plan: BuildPlan) -> Destination:
        function = self.session.function(plan)
        return destination(
            function,
            plan.target.architecture,
            self.outputs,
            several=self.session.several(function),
            home=self.workshop.home_registry,
        )

    def _image(self, made: Made, image: Image, outcome: Outcome) -> Outcome:
        if self.outputs.writes_files:
            outcome = self._write(made, image, outcome)
        if way := self.ways.get(_key(made.plan)):
            image = self._nearer(way, image)
            records = (one.record for one in outcome.layers)
            result = way.push(image, [record for record in records if record])
            # Whoever deploys it looks at what it is to start.
            self.workshop.store.put_blob(image.config)
            outcome = replace(
                outcome,
                reference=str(result.reference),
                sent_bytes=result.sent_bytes,
                mounted_bytes=result.mounted_bytes,
            )
        if self.outputs.load:
            outcome = self._load(made, image, outcome)
        return outcome

    def _write(self, made: Made, image: Image, outcome: Outcome) -> Outcome:
        name = self.name(made.plan)
        if self.outputs.complete or self.outputs.format == "docker-archive":
            image = self._complete(image)
        if self.outputs.format == "docker-archive":
            from imagekit.oci.archive import write_docker_archive

            path = self.folder / f"{name}.tar"
            write_docker_archive(image, path, tags=(f"{name.lower()}:latest",))
            return replace(outcome, path=path)
        from imagekit.oci.layout import write_layout

        path = self.folder / f"{name}.oci"
        reference = made.plan.base.reference if made.plan.base else None
        sparse = write_layout(image, path, complete=self.outputs.complete, base_reference=reference)
        return replace(outcome, path=path, sparse=sparse)

    def _load(self, made: Made, image: Image, outcome: Outcome) -> Outcome:
        from imagekit.daemon.engine import connect
        from imagekit.oci.archive import shared_layers, write_docker_archive

        tag = f"{self.name(made.plan).lower()}:latest"
        if made.image_id is not None:
            with connect(self.workshop.environ) as engine:
                engine.tag(made.image_id, tag)
            return replace(outcome, reference=outcome.reference or f"docker:{tag}")
        with connect(self.workshop.environ) as engine, self.workshop.store.folder() as folder:
            skip = shared_layers(image, engine.diff_ids())
            needed = self._complete(image, skip)
            write_docker_archive(needed, folder / "image.tar", tags=(tag,), skip=skip)
            engine.load(folder / "image.tar")
        return replace(outcome, reference=outcome.reference or f"docker:{tag}")

    def _complete(self, image: Image, skip: int = 0) -> Image:
        """The image with every layer's bytes on this disk, but for the first `skip`."""
        return completed(self.workshop, image, skip)

    def _settled(self, plan: BuildPlan, outcome: Outcome) -> Outcome:
        """With what changed since the last build of the same function, which it replaces."""
        store, now = self.workshop.store, weighed(plan, self.workshop.store)
        root = self.session.project.root
        before = remember(store, root, outcome, now.packages, now.source_bytes)
        if before is not None:
            outcome = replace(outcome, changes=changes(before, outcome.packages))
        return outcome


def completed(workshop: Workshop, image: Image, skip: int = 0) -> Image:
    """The image with every layer's bytes on this disk, but for the first `skip`."""
    store = workshop.store
    for layer in image.layers[skip:]:
        if layer.origin is not None and not store.has_blob(layer.descriptor.digest):
            workshop.registry.pull_blob(layer.origin, layer.descriptor, store)
    return image.with_paths(lambda descriptor: store.blob_path(descriptor.digest))


def _firsts(
    ways: Mapping[tuple[str, Architecture], Way],
) -> dict[tuple[str, Architecture], Way]:
    """For each way that of the same image, into the same registry, which goes before all others."""
    told: list[tuple[object, Way]] = []
    found = {}
    for key, way in ways.items():
        what = (way.to.repository.registry, way.plan.contents)
        first = next((one for known, one in told if known == what), None)
        if first is None:
            told.append((what, first := way))
        found[key] = first
    return found


def _twin(plan: BuildPlan, plans: Sequence[BuildPlan]) -> BuildPlan:
    """The first plan of the same image: two functions may have one under one tag."""
    return next(one for one in plans if one.contents == plan.contents)


def _key(plan: BuildPlan) -> tuple[str, Architecture]:
    return plan.function, plan.target.architecture


def _copy_out(blob: Path, path: Path) -> None:
    """Copy, unless the same bytes lie there: what did not change keeps its time."""
    import filecmp

    from imagekit.oci.beside import file_beside

    if path.is_file() and filecmp.cmp(blob, path, shallow=False):
        return
    with file_beside(path) as beside:
        shutil.copyfile(blob, beside)
