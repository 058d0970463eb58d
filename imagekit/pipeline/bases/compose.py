"""A shared base that is made here: the base that it starts from, and layers of packages on top.

    base.toml ─→ parent, pinned ─→ packages of its lock ─→ plan ─→ layers, image ─→ Base

Nothing of it is read again: what the parent is known to have, and what was added, are the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.bases.definition import DebianOrigin, Definition
from imagekit.bases.demands import Wanted, require_listed, require_pin, require_python
from imagekit.bases.label import label_of
from imagekit.bases.record import keep, load_pinned, published_as
from imagekit.engines.oci import image_of
from imagekit.model.base import SHARED_ROOT, Base
from imagekit.model.digest import Digest
from imagekit.model.errors import ConfigError, Problem
from imagekit.model.image import LAYER_FORMAT, LayerRecord
from imagekit.model.package import Package
from imagekit.model.slim import RULES as SLIM_RULES
from imagekit.model.target import PYTHONS, Architecture, Target
from imagekit.oci.documents import parse_config
from imagekit.oci.image import Image
from imagekit.pipeline.checking import require_base
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.docker.steps import with_steps
from imagekit.pipeline.layers import make_layers
from imagekit.pipeline.packages import Packages, weigh
from imagekit.pipeline.planning.slimming import chosen
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.base_plan import base_plan, facts_with, labelled, left_to_share, mixed
from imagekit.plan.build_plan import BuildPlan, package_layers
from imagekit.plan.recipe import COMPRESSOR
from imagekit.project import locks
from imagekit.project.config import FunctionConfig
from imagekit.project.lock_values import PartKey, inputs_of

Parent = Callable[[Definition, Architecture], Base]
"""Pins the base that a definition starts from."""

Beneath = Callable[[Definition], Iterable[Definition]]
"""The definitions of the bases beneath."""


class MadeBase(Struct, frozen=True, kw_only=True):
    """A base, and the image that it is."""

    plan: BuildPlan
    image: Image
    base: Base
    records: dict[Digest, LayerRecord]
    """Of the layers in the plan, by fingerprint."""


class Composing(Struct, frozen=True, kw_only=True):
    """Makes bases; what it decides goes into `decisions`."""

    workshop: Workshop
    decisions: Decisions
    packages: Packages
    parent: Parent
    beneath: Beneath
    known: dict[tuple[str, Architecture], MadeBase] = field(default_factory=dict)
    """Made in this run."""

    def base(self, definition: Definition, architecture: Architecture) -> Base:
        """The base as pinned; made, unless the store has what the pin names.

        Errors: ConfigError for what the definition cannot have, DigestMismatch where another base
        comes out than was pinned, and what pinning its parent, resolving, fetching and making
        layers raise.
        """
        require_listed(definition, architecture)
        if done := self.known.get((definition.name, architecture)):
            return done.base
        inputs = self._inputs(definition, architecture)
        pin = self.decisions.base(definition.name, architecture, inputs)
        if pin is not None and (known := load_pinned(self.workshop.store, pin.digest)):
            self._still_used(definition, known, architecture)
            return replace(known, name=definition.name)
        made = self.made(definition, architecture)
        if pin is not None and self._compiles_as_pinned(made.plan):
            wanted = Wanted(
                name=definition.name,
                source=definition,
                architecture=architecture,
                pinned=pin.digest,
            )
            require_pin(wanted, made.base.digest, "what it is made of gives another one now")
        if pin is None:
            self.decisions.keep_base(made.base, architecture, inputs, self.workshop.today)
        return made.base

    def made(self, definition: Definition, architecture: Architecture) -> MadeBase:
        """The base and its image, made and checked."""
        key = (definition.name, architecture)
        if key not in self.known:
            self.known[key] = self._make(definition, architecture)
        return self.known[key]

    def _make(self, definition: Definition, architecture: Architecture) -> MadeBase:
        parent = self.parent(definition, architecture)
        require_python(definition, parent.facts)
        if definition.needs_engine:
            parent = with_steps(self.workshop, definition, parent)
        return self.on(parent, definition, architecture)

    def on(self, parent: Base, definition: Definition, architecture: Architecture) -> MadeBase:
        """The image that has on `parent` what the definition puts there."""
        packages = self._shared(definition, parent, architecture)
        beneath = self._beneath(definition, parent, architecture) if packages else ()
        weights = weigh(self.workshop, (*beneath, *packages)) if packages else {}
        bytecode = self._bytecode(parent) if packages else None
        layers = package_layers(packages, weights, bytecode, SHARED_ROOT)
        plan = base_plan(definition, parent, architecture, layers, bytecode)
        return self._finished(plan, packages, weights)

    def _shared(
        self, definition: Definition, parent: Base, architecture: Architecture
    ) -> tuple[Package, ...]:
        """The packages of the definition's lock that the parent has not in the same version."""
        if definition.lock is None:
            return ()
        found = left_to_share(self._locked(definition, parent, architecture), parent)
        if wrong := tuple(mixed(found, parent)):
            where = f"{definition.path}: lock"
            raise ConfigError(
                problems=tuple(Problem(where, what) for what in wrong),
                hint=f"lock the versions that {parent.name} has, or start from another base",
            )
        return found

    def _beneath(
        self, definition: Definition, parent: Base, architecture: Architecture
    ) -> tuple[Package, ...]:
        """What bases beneath share, if they are made here: no file may hide one of theirs."""
        found: dict[str, Package] = {}
        for one in self.beneath(definition):
            for package in self._locked(one, parent, architecture) if one.lock else ():
                found.setdefault(package.name, package)
        return tuple(found.values())

    def _locked(
        self, definition: Definition, parent: Base, architecture: Architecture
    ) -> tuple[Package, ...]:
        function = _as_function(definition)
        locked = self.packages.of(function, parent.target(architecture))
        return chosen(locked, function, parent).packages

    def _still_used(self, definition: Definition, base: Base, architecture: Architecture) -> None:
        """What the base was made with stays in the lock, although nobody asks for it now."""
        if definition.lock is not None:
            name = _as_function(definition).name
            self.decisions.used.add(PartKey("packages", name, architecture))
            self.decisions.used.add(PartKey("python", base.facts.minor))

    def _bytecode(self, parent: Base) -> str:
        return self.packages.interpreter(parent.facts.minor, parent).version

    def _finished(
        self, plan: BuildPlan, packages: tuple[Package, ...], weights: dict[str, int]
    ) -> MadeBase:
        if (parent := plan.base) is None:
            raise ValueError("a shared base starts from another one")
        nothing_before = PreviousImages.none(self.workshop)
        records = dict(
            make_layers(
                self.workshop, self.packages, [plan], lambda record: None, nothing_before
            ).records
        )
        layers = [records[layer.fingerprint] for layer in plan.layers]
        tar_bytes = sum(layer.tar_bytes for layer in layers)
        facts = facts_with(parent.facts, packages, weights, tar_bytes)
        diff_ids = (*parent.config.diff_ids, *(layer.diff_id for layer in layers))
        plan = labelled(plan, label_of(facts, diff_ids))
        image = _composed_here(image_of(plan, records, self.workshop.store))
        require_base(plan, image, records)
        base = Base(
            name=plan.function,
            reference=f"{plan.function}@{image.digest}",
            digest=image.digest,
            family=parent.family,
            config=parse_config(image.config, name=plan.function),
            layers=tuple(layer.descriptor for layer in image.layers),
            facts=facts,
            origins=(*parent.places, *(None for _ in plan.layers)),
            published=published_as(self.workshop.store, image.digest),
        )
        keep(self.workshop.store, base)
        return MadeBase(plan=plan, image=image, base=base, records=records)

    def _compiles_as_pinned(self, plan: BuildPlan) -> bool:
        """Another CPython writes other bytecode, which was said: then other layers are no news."""
        pinned = self.decisions.lock.python(plan.target.python)
        return plan.bytecode is None or pinned is None or pinned.version == plan.bytecode

    def _inputs(self, definition: Definition, architecture: Architecture) -> Digest:
        """Of all that decides what comes out: where it changes, the pin is stale."""
        said: list[object] = [definition.path.read_text(encoding="utf-8"), LAYER_FORMAT, COMPRESSOR]
        if not isinstance(definition.origin, DebianOrigin):
            said.append(str(self.parent(definition, architecture).digest))
        if definition.lock is not None:
            function = _as_function(definition)
            # Of the target the lock's own inputs take no more than minor version and architecture.
            target = Target.managed(definition.python or PYTHONS[-1], architecture)
            lock = locks.find(function, self.packages.project.root)
            said.append(str(locks.inputs_of(lock, function, target)))
            if definition.slim.profile != "off":
                said.append(f"slim {SLIM_RULES}")
        return inputs_of(*said)


def _composed_here(image: Image) -> Image:
    """What no registry has is no other's: it goes where the image goes."""
    layers = (
        replace(one, by_others=one.origin is not None and one.by_others) for one in image.layers
    )
    return replace(image, layers=tuple(layers))


def _as_function(definition: Definition) -> FunctionConfig:
    """Who asks for the packages of the definition's lock."""
    return FunctionConfig(
        name=f"base {definition.name}",
        handler="",
        root=definition.folder,
        where=str(definition.path),
        lock=Path(definition.lock) if definition.lock else None,
        groups=definition.groups,
        extras=definition.extras,
        slim=definition.slim,
    )
