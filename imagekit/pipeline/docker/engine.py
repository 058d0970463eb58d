"""The Docker engine: plan ─→ Dockerfile and context ─→ `docker build` ─→ an image, checked.

The image is taken out of the engine and delivered like any other: our own registry client knows
ECR's logins, mounts what is there and refuses a taken tag before any layer, and the manifest that
leaves is always a plain one. `--load` names what the engine has already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct

from imagekit.check.opened import OpenImage, OpenLayer
from imagekit.contents.trees import Compiler
from imagekit.daemon.engine import Engine, connect
from imagekit.engines.docker.bases import (
    base_image,
    extension_image,
    extension_in_registry,
    extension_name,
    from_name,
    in_registry,
)
from imagekit.engines.docker.build import Built, Job, build
from imagekit.engines.docker.clients import Builder, find_builder
from imagekit.engines.docker.context import BASE_ARCHIVE, ContextMaker
from imagekit.engines.docker.recipe import Abilities, base_of, needs_network, platform_of, recipe_of
from imagekit.engines.docker.render import render
from imagekit.engines.docker.taken import remember, remembered, taken
from imagekit.model.digest import Digest
from imagekit.model.errors import RemoteRefused
from imagekit.model.reference import Reference
from imagekit.oci.archive import write_docker_archive
from imagekit.oci.image import Image
from imagekit.pipeline.checking import require
from imagekit.pipeline.docker.tools import uv_for
from imagekit.pipeline.layers import compiling
from imagekit.pipeline.packages import Packages, bring, path_of
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.registry.credentials import Basic
from imagekit.registry.endpoints import endpoints

# Amazon Linux 2023 does not run on older ones (lambda_rules R9), and BuildKit's mounts are in it.
_OLDEST = (20, 10, 10)
_STEP_NETWORK = (23,)
_WARNINGS = 5
_CHECKED = "docker-checked"


class Docker(Struct, frozen=True, kw_only=True):
    """An engine and a builder that were found and can do what is needed."""

    workshop: Workshop
    packages: Packages | None
    """None where nothing but `steps` is built."""
    engine: Engine
    builder: Builder
    abilities: Abilities

    def make(self, plan: BuildPlan) -> tuple[Image, Built]:
        """As `build`, checked: ChecksFailed for what Lambda would refuse."""
        image, built = self.build(plan)
        self._check(plan, image)
        return image, built

    def build(self, plan: BuildPlan) -> tuple[Image, Built]:
        """Build, and take the image out of the engine.

        Raises BuildError where a step fails, RemoteRefused where the engine refuses. Nothing gets a
        name in the engine, but a base that no registry has.
        """
        base, store = base_of(plan), self.workshop.store
        self._require_images(plan)
        with store.folder() as scratch:
            dockerfile = dockerfile_of(self.workshop, plan, self.abilities)
            write_context(self.workshop, self.packages, plan, dockerfile, scratch / "context")
            job = Job(
                context=scratch / "context",
                scratch=scratch,
                platform=platform_of(plan),
                network=self._network(plan),
            )
            with self.workshop.console.stage(f"docker build {plan.function}"):
                built = build(self.builder, self.engine, job, self.workshop.environ, self._say)
            image = remembered(built.image_id, base, store)
            if image is None:
                with self.workshop.console.stage("docker save"):
                    self.engine.save(built.image_id, scratch / "image.tar")
                    image = taken(scratch / "image.tar", base, store)
                remember(built.image_id, image, base, store)
        return image, built

    def forget(self, built: Built) -> None:
        """Take the image away again: nobody could find it without a name.

        BuildKit's cache is beside its images; the classic builder's cache are the images.
        """
        if self.builder.kind != "classic":
            self.engine.forget(built.image_id)

    def _require_images(self, plan: BuildPlan) -> None:
        """Have base and extensions in the engine, under the names that the Dockerfile says."""
        elsewhere, base = endpoints(self.workshop.environ), base_of(plan)
        name = from_name(base, elsewhere)
        self._require(name, in_registry(base, elsewhere), lambda: base_image(base))
        for one in plan.extensions:
            self._require(
                extension_name(one, elsewhere),
                extension_in_registry(one, elsewhere),
                partial(extension_image, one, plan.target.oci_architecture),
            )

    def _require(self, name: str, there: Reference | None, image: Callable[[], Image]) -> None:
        """Have the engine pull it from where it lies; where it cannot, hand the image over."""
        if self.engine.id_of(name) is not None:
            return
        if there is not None:
            with self.workshop.console.stage(f"docker pull {there}"):
                self.engine.pull(str(there), self._login(there))
            return
        with self.workshop.store.folder() as folder, self.workshop.console.stage("docker load"):
            self.engine.load(write_archive(self.workshop, image(), name, folder))

    def _login(self, reference: Reference) -> tuple[str, str] | None:
        found = self.workshop.credentials.for_registry(reference.registry)
        return (found.user, found.password) if isinstance(found, Basic) else None

    def _network(self, plan: BuildPlan) -> str:
        if not needs_network(plan):
            return "none"
        return "default" if self.engine.has_bridge else "host"

    def _say(self, words: str) -> None:
        self.workshop.console.say(f"  {words}")

    def _check(self, plan: BuildPlan, image: Image) -> None:
        """ChecksFailed for what Lambda would refuse; what may be a mistake is said."""
        from imagekit.check.image import check_image
        from imagekit.check.own import RULES_VERSION

        store, key = self.workshop.store, Digest.of(f"{image.digest} {plan.handler}".encode()).hex
        if store.record(_CHECKED, key) == {"rules": RULES_VERSION}:
            return
        report = check_image(_open(plan, image))
        for found in report.warnings[:_WARNINGS]:
            self.workshop.console.say(f"warning: {found.rule} {found.place}: {found.what}")
        if (more := len(report.warnings) - _WARNINGS) > 0:
            self.workshop.console.say(f"warning: and {more} more, which `imagekit check` lists")
        require(report)
        store.put_record(_CHECKED, key, {"rules": RULES_VERSION})


@contextmanager
def docker(workshop: Workshop, packages: Packages | None) -> Iterator[Docker]:
    """Find an engine and the best builder for it, and say which one it is.

    RemoteRefused where no engine answers, where it may not be used, or where it is too old.
    """
    with connect(workshop.environ) as engine:
        version = _version(engine.version)
        if version < _OLDEST:
            raise RemoteRefused(
                what=f"the Docker Engine at {engine.host} is {engine.version}",
                causes=(f"imagekit builds with {'.'.join(map(str, _OLDEST))} or later",),
                hint="update Docker; without `system` and `run`, `--engine oci` needs none",
            )
        with workshop.store.folder() as folder:
            builder = find_builder(workshop.environ, folder)
        if builder.kind == "classic":
            workshop.console.say(
                f"Docker's classic builder is used, which rebuilds more: {builder.why}"
            )
        yield Docker(
            workshop=workshop,
            packages=packages,
            engine=engine,
            builder=builder,
            abilities=Abilities(
                mounts=builder.kind != "classic", step_network=version >= _STEP_NETWORK
            ),
        )


def dockerfile_of(
    workshop: Workshop, plan: BuildPlan, abilities: Abilities, *, anywhere: bool = False
) -> str:
    """The Dockerfile of an image's plan; `anywhere` is for engines that know nothing of us."""
    elsewhere = {} if anywhere else endpoints(workshop.environ)
    base = from_name(base_of(plan), elsewhere)
    extensions = tuple(extension_name(one, elsewhere) for one in plan.extensions)
    return render(recipe_of(plan, base, abilities, extensions), plan.steps.template)


def write_context(
    workshop: Workshop,
    packages: Packages | None,
    plan: BuildPlan,
    dockerfile: str,
    folder: Path,
    *,
    link: bool = True,
) -> None:
    """Everything that a build needs, in a folder that is not there yet."""
    with workshop.console.stage("build context"), workshop.store.folder() as scratch:
        if packages is None:
            _maker(workshop, None, None, link=link).write(plan, dockerfile, folder)
            return
        bring(workshop, tuple(package for layer in plan.layers for package in layer.packages))
        uv = uv_for(workshop, packages, plan.target, scratch)
        with compiling(packages) as compiler:
            _maker(workshop, compiler(plan), uv, link=link).write(plan, dockerfile, folder)


def _maker(
    workshop: Workshop, compiler: Compiler | None, uv: Path | None, *, link: bool
) -> ContextMaker:
    return ContextMaker(
        store=workshop.store,
        wheel_path=lambda package: path_of(workshop, package),
        compiler=compiler,
        uv=uv,
        link=link,
    )


def write_archive(workshop: Workshop, image: Image, name: str, folder: Path) -> Path:
    """An image as `docker load` takes it, under that name."""
    store = workshop.store
    for layer in image.layers:
        if layer.origin is not None and not store.has_blob(layer.descriptor.digest):
            workshop.registry.pull_blob(layer.origin, layer.descriptor, store)
    archive = folder / BASE_ARCHIVE
    here = image.with_paths(lambda descriptor: store.blob_path(descriptor.digest))
    write_docker_archive(here, archive, tags=(name,))
    return archive


def _version(text: str) -> tuple[int, ...]:
    numbers = []
    for part in text.partition("+")[0].partition("-")[0].split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def _open(plan: BuildPlan, image: Image) -> OpenImage:
    """With the layers that Docker made: the base's were read when it was pinned."""
    return OpenImage(
        name=plan.function,
        manifest_bytes=image.manifest,
        media_type=image.media_type,
        config_bytes=image.config,
        layers=tuple(
            OpenLayer(
                descriptor=layer.descriptor,
                diff_id=layer.diff_id,
                open=None if layer.by_others or not layer.here else layer.open,
            )
            for layer in image.layers
        ),
        architecture=plan.target.architecture,
        python=plan.target.python,
        glibc=plan.target.glibc,
        handler=plan.handler,
    )
