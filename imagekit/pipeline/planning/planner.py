"""From a function's configuration to its `BuildPlan`: everything uncertain is decided here.

lock ─→ packages ─→ weights ─→ ZIP or image ─→ base ─→ layers ─→ BuildPlan
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.base import Base
from imagekit.model.errors import ConfigError, NoWheels, Problem, TooLarge
from imagekit.model.extension import Extension
from imagekit.model.gain import BytecodeGain
from imagekit.model.package import Package
from imagekit.model.packaging import UNPACKING, Asked, Packaging
from imagekit.model.target import Architecture, Target
from imagekit.model.tree import Tree
from imagekit.pipeline.bases.pinned import Bases
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.packages import CLIENT, Packages, weigh
from imagekit.pipeline.planning.apart import require_apart
from imagekit.pipeline.planning.attaching import attaching, others_bytes
from imagekit.pipeline.planning.extensions import Extensions
from imagekit.pipeline.planning.room import foreseen_without_bytecode
from imagekit.pipeline.planning.slimming import Chosen, chosen, dressed, require_known, unused
from imagekit.pipeline.planning.unpacking import unpacking
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.base_plan import own_copies
from imagekit.plan.build_plan import (
    BuildPlan,
    LayerPlan,
    client_layer,
    image_settings,
    package_layers,
    source_layer,
)
from imagekit.plan.docker_steps import DockerSteps, decided_by_steps
from imagekit.plan.extensions import overridden
from imagekit.plan.packaging import (
    IMAGE_LIMIT_BYTES,
    ZIP_LIMIT_BYTES,
    Footprint,
    Verdict,
    check_image,
    check_layers,
    check_zip,
    decide,
    decided_by_extensions,
    room_words,
)
from imagekit.project.config import FunctionConfig
from imagekit.project.config_docker import ZIP_STEPS_HINT
from imagekit.project.config_lambda import ZIP_EXTENSIONS_HINT, ZIP_TAKES_NO_EXTENSIONS
from imagekit.project.handler import (
    handler_module_present,
    handler_surely_missing,
    missing_function,
    missing_handler,
)

_ASKED_FOR = "asked for"


class Planner(Struct, frozen=True, kw_only=True):
    """Plans the functions of one project; what it decides goes into `decisions`."""

    workshop: Workshop
    decisions: Decisions
    packages: Packages
    bases: Bases
    extensions: Extensions
    previous: PreviousImages
    """Where what the store lacks may be known."""

    def plan(
        self,
        function: FunctionConfig,
        source: Tree,
        architecture: Architecture,
        asked: Asked | None,
    ) -> BuildPlan:
        """Decide everything about one artefact. Raises what the parts raise."""
        job = _Job(
            function=function,
            architecture=architecture,
            source=source,
            python=self.python(function),
        )
        wanted = asked or function.packaging
        if wanted == "auto":
            return self._auto(job)
        if wanted == "image":
            return self._image(job, _ASKED_FOR)
        return self._zip(job, _ASKED_FOR, wanted)

    def python(self, function: FunctionConfig) -> str:
        """The minor version: the function's, else its base's. ConfigError where they disagree."""
        said = self.bases.python(function.base) if function.base else None
        if function.python and said and function.python != said:
            what = f"python is {function.python}, but the base {function.base} has {said}"
            raise _contradiction(function, what)
        if found := function.python or said:
            return found
        if function.base is None:
            problem = Problem(function.where, "neither `python` nor `base` says which Python")
            raise ConfigError(problems=(problem,), hint='add `python = "3.13"`')
        return self.bases.pinned(function.base, function.architectures[0]).facts.minor

    def said_python(self, function: FunctionConfig) -> str | None:
        """The minor version as far as configuration and definitions say it: nothing is asked."""
        said = self.bases.python(function.base) if function.base else None
        return function.python or said

    def _auto(self, job: _Job) -> BuildPlan:
        name, architecture = job.function.name, job.architecture
        verdict = self.decisions.verdict(name, architecture, job.python)
        if verdict is None:
            verdict, total = self._weighed(job)
            self.decisions.keep_verdict(name, architecture, job.python, verdict, total)
            why = verdict.why
        else:
            why = _kept_why(job.function, verdict)
        if verdict.packaging == "image":
            return self._image(job, why)
        plan = self._zip(job, why)
        return replace(plan, why=room_words(plan.unzipped_bytes))

    def _weighed(self, job: _Job) -> tuple[Verdict, int]:
        """The verdict from the footprint that a ZIP would have (decision 8), and its bytes."""
        if (steps := _steps(job.function)).asked:
            return decided_by_steps(steps), job.source.size_bytes
        if job.function.extensions:
            return decided_by_extensions(job.function.extensions), job.source.size_bytes
        try:
            locked = self.packages.of(job.function, Target.managed(job.python, job.architecture))
        except NoWheels as missing:
            names = tuple(problem.package for problem in missing.problems)
            return decide(None, names), job.source.size_bytes
        packages = chosen(locked, job.function, None).packages
        footprint = _footprint(packages, weigh(self.workshop, packages), job.source)
        return decide(footprint), footprint.total_bytes

    def _zip(self, job: _Job, why: str, packaging: Packaging = "zip") -> BuildPlan:
        if (steps := _steps(job.function)).asked:
            problem = Problem(job.function.where, f"a ZIP has no {' and no '.join(steps.words())}")
            raise ConfigError(problems=(problem,), hint=ZIP_STEPS_HINT)
        if job.function.extensions:
            problem = Problem(f"{job.function.where}.extensions", ZIP_TAKES_NO_EXTENSIONS)
            raise ConfigError(problems=(problem,), hint=ZIP_EXTENSIONS_HINT)
        if job.function.env:
            what = "is of an image; the variables of a deployed ZIP are `lambda.env`"
            self.workshop.console.say(f"warning: {job.function.where}.env: {what}")
        target = Target.managed(job.python, job.architecture)
        choice = chosen(self.packages.of(job.function, target), job.function, None)
        packages = choice.packages
        weights = self._weights(job, choice, packages)
        self._require_sound(job, packages)
        if packaging not in UNPACKING:
            self._check_zip(job, packages, weights, packaging)
        bytecode = self._bytecode(job, base=None)
        plan = BuildPlan(
            function=job.function.name,
            handler=job.function.handler,
            target=target,
            packaging=packaging,
            why=why,
            base=None,
            bytecode=bytecode,
            layers=(*package_layers(packages, weights, bytecode), job.source_layer(bytecode)),
            settings=None,
            limit_bytes=ZIP_LIMIT_BYTES,
            gains=self._gains(job),
            slim=choice.slimmed(job.function.slim, self.workshop.store, packages),
        )
        if packaging in UNPACKING:
            return unpacking(plan, job.function, self.workshop.store)
        if packaging == "zip-layers":
            plan = attaching(plan, job.function, self.workshop.store)
        without = foreseen_without_bytecode(plan, self.workshop.store)
        return replace(plan, without_bytecode=without)

    def _weights(self, job: _Job, choice: Chosen, packages: Sequence[Package]) -> dict[str, int]:
        """Unzipped bytes by name; what the configuration says of files is held against them."""
        weights = weigh(self.workshop, packages)
        require_known(job.function, packages, self.workshop.store)
        for warning in (*choice.warnings, *unused(job.function, packages, self.workshop.store)):
            self.workshop.console.say(f"warning: {warning}")
        return weights

    def _check_zip(
        self,
        job: _Job,
        packages: Sequence[Package],
        weights: dict[str, int],
        packaging: Packaging,
    ) -> None:
        store, footprint = self.workshop.store, _footprint(packages, weights, job.source)
        try:
            if packaging == "zip-layers":
                check_layers(footprint, others_bytes(job.function.settings.layers or (), store))
            else:
                check_zip(footprint)
        except TooLarge as error:
            # Imported where something is wrong: a build that fits needs no advice.
            from imagekit.pipeline.planning.ways import grown_since, zip_ways

            slim, root = job.function.slim, self.packages.project.root
            error.ways = zip_ways(store, packages, weights, job.source.size_bytes, slim)
            where = (root, job.function.name, job.architecture)
            error.grown = grown_since(store, where, packages, weights, job.source.size_bytes)
            raise

    def _image(self, job: _Job, why: str) -> BuildPlan:
        base = self._base(job)
        target = base.target(job.architecture)
        extensions = self.extensions.on(job.function, base, job.architecture)
        choice = chosen(self.packages.of(job.function, target), job.function, base)
        packages = _without(choice.packages, base, extensions)
        if copies := own_copies(packages, base):
            what = f"its own copy comes before the base's: {', '.join(copies)}"
            self.workshop.console.say(f"{job.function.name}: {what}")
        self._know(job, packages)
        weights = self._weights(job, choice, packages)
        self._require_sound(job, packages)
        check_image(
            _footprint(packages, weights, job.source, extensions), base.facts.unzipped_bytes
        )
        bytecode = self._bytecode(job, base)
        shared = dict(base.facts.packages)
        adds_client = not (base.facts.runtime_client or CLIENT in weights or CLIENT in shared)
        client = self._client(job, target, bytecode) if adds_client else ()
        settings = image_settings(
            base,
            job.function.shared_handler or job.function.handler,
            job.function.env,
            adds_client=not base.facts.runtime_client,
        )
        return BuildPlan(
            function=job.function.name,
            handler=job.function.handler,
            target=target,
            packaging="image",
            why=why,
            base=base,
            bytecode=bytecode,
            layers=(
                *client,
                *package_layers(packages, weights, bytecode),
                job.source_layer(bytecode),
            ),
            settings=replace(settings, labels=job.function.labels, created=self.workshop.created),
            limit_bytes=IMAGE_LIMIT_BYTES,
            gains=self._gains(job),
            extensions=extensions,
            steps=_steps(job.function),
            slim=choice.slimmed(job.function.slim, self.workshop.store, packages),
        )

    def _base(self, job: _Job) -> Base:
        name = job.function.base or f"python{job.python}"
        with self.workshop.console.stage("base"):
            base = self.bases.pinned(name, job.architecture)
        if base.facts.minor != job.python:
            what = f"python is {job.python}, but the base {name} has {base.facts.python}"
            raise _contradiction(job.function, what)
        return base

    def _know(self, job: _Job, packages: Sequence[Package]) -> None:
        """On an empty disk: what the image before says of the same wheels. A handler that one of
        them may bring needs their files."""
        name, architecture = job.function.name, job.architecture
        if handler_module_present(job.source, job.function.handler):
            self.previous.know(name, architecture, packages, job.source)

    def _client(self, job: _Job, target: Target, bytecode: str | None) -> tuple[LayerPlan, ...]:
        packages = dressed(self.packages.client(target), job.function.slim)
        self.previous.know(job.function.name, job.architecture, packages, Tree())
        return (client_layer(packages, weigh(self.workshop, packages), bytecode),)

    def _bytecode(self, job: _Job, base: Base | None) -> str | None:
        if not job.function.bytecode:
            return None
        return self.packages.interpreter(job.python, base).version

    def _gains(self, job: _Job) -> tuple[BytecodeGain, ...]:
        return self.decisions.bytecode_gains(job.function.name, job.architecture)

    def _require_sound(self, job: _Job, packages: Sequence[Package]) -> None:
        """What needs the packages measured: ConfigError where the handler's module is nowhere,
        PathCollisions where source and packages fill one path differently."""
        handler = job.function.handler
        if handler_module_present(job.source, handler):
            if handler_surely_missing(job.source, handler):
                raise missing_function(job.function, job.source)
        elif not self.packages.hold(packages, handler):
            raise missing_handler(job.function, job.source)
        require_apart(job.source, packages, self.workshop.store)


class _Job(Struct, frozen=True, kw_only=True):
    function: FunctionConfig
    architecture: Architecture
    source: Tree
    python: str

    def source_layer(self, bytecode: str | None) -> LayerPlan:
        return source_layer(self.source, bytecode)


def _steps(function: FunctionConfig) -> DockerSteps:
    return DockerSteps(system=function.system, run=function.run, template=function.dockerfile)


def _kept_why(function: FunctionConfig, verdict: Verdict) -> str:
    """The words of a verdict that `imagekit.lock` keeps: of today, else from when they are."""
    if (steps := _steps(function)).asked:
        return decided_by_steps(steps).why
    if function.extensions:
        return decided_by_extensions(function.extensions).why
    return f"{verdict.why}, when imagekit.lock decided it"


def _contradiction(function: FunctionConfig, what: str) -> ConfigError:
    where = f"{function.where}.python"
    return ConfigError(problems=(Problem(where, what),), hint="leave `python` out")


def _footprint(
    packages: Sequence[Package],
    weights: dict[str, int],
    source: Tree,
    extensions: Sequence[Extension] = (),
) -> Footprint:
    heavy = ((package.label, weights[package.name]) for package in packages)
    added = ((extension.name, extension.facts.unzipped_bytes) for extension in extensions)
    return Footprint(weights=(*heavy, *added, ("source", source.size_bytes)))


def _without(
    packages: Sequence[Package], base: Base, extensions: Sequence[Extension]
) -> tuple[Package, ...]:
    """What the base has in the same version need not be shipped again (decision 9).

    Unless an extension puts another version in front of the base's.
    """
    there = set(base.facts.packages)
    in_front = overridden(extensions)
    return tuple(
        package
        for package in packages
        if (package.name, package.version) not in there
        or in_front.get(package.name, {package.version}) != {package.version}
    )
