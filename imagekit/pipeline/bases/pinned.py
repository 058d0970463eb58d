"""The bases of a run: found by name, pinned once, kept in `imagekit.lock`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from imagekit.bases.definition import FOLDER, DebianOrigin, Definition, OtherBase, Source
from imagekit.bases.demands import Wanted
from imagekit.bases.follow import as_pinned, at, followed
from imagekit.bases.lineage import beneath, require_lineage
from imagekit.bases.named import find, named_in
from imagekit.bases.pin import Pinner
from imagekit.bases.tags import calendar, newest
from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.errors import ConfigError, Problem
from imagekit.model.reference import Reference
from imagekit.model.target import ARCHITECTURES, Architecture
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.packages import Packages
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig
from imagekit.project.lock_values import PartKey

if TYPE_CHECKING:
    from imagekit.pipeline.bases.compose import Composing, MadeBase


class Bases(Struct, frozen=True, kw_only=True):
    """Resolves what `base` says; asks a registry, or composes, only for what is not pinned yet."""

    workshop: Workshop
    project: ProjectConfig
    decisions: Decisions
    packages: Packages
    known: dict[str, Source] = field(default_factory=dict)
    found: dict[tuple[str, Architecture], Base] = field(default_factory=dict)
    """Pinned in this run."""
    composed: dict[tuple[str, Architecture], MadeBase] = field(default_factory=dict)
    """In this run."""
    listed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Tags by repository."""

    def source(self, name: str) -> Source:
        """What the name stands for; ConfigError where it is nothing, or two things."""
        if name not in self.known:
            found = self._looked_up(name)
            if isinstance(found, Definition):
                require_lineage(found, self._looked_up)
            self.known[name] = found
        return self.known[name]

    def python(self, name: str) -> str | None:
        """The minor version that the base's definition says, where it says one."""
        source = self.source(name)
        if isinstance(source, Definition) and isinstance(source.origin, OtherBase):
            return source.python or self.python(source.origin.name)
        return source.python if isinstance(source, Definition) else None

    def architectures(self, name: str) -> tuple[Architecture, ...]:
        """Those that the base is made for, as its definition or the one below it lists them."""
        source = self.source(name)
        if not isinstance(source, Definition):
            return ARCHITECTURES
        if source.listed is None and isinstance(source.origin, OtherBase):
            return self.architectures(source.origin.name)
        return source.architectures

    def pinned(self, name: str, architecture: Architecture) -> Base:
        """The base by digest, with its facts.

        Raises what `Pinner.base` and `Composing.base` raise, and LockError.
        """
        key = (name, architecture)
        if key not in self.found:
            self.found[key] = self._found(name, architecture)
        return self.found[key]

    @property
    def composing(self) -> Composing:
        """Who makes the bases that are more than what they start from."""
        # What composes bases costs 10 ms of imports that a pinned one does not need.
        from imagekit.pipeline.bases.compose import Composing

        return Composing(
            workshop=self.workshop,
            decisions=self.decisions,
            packages=self.packages,
            parent=self.parent,
            beneath=lambda definition: beneath(definition, self.source),
            known=self.composed,
        )

    def made(self, definition: Definition, architecture: Architecture) -> MadeBase:
        """The base with its image; raises what `pinned` raises."""
        base = self.pinned(definition.name, architecture)
        if definition.plain:
            return self.composing.on(base, definition, architecture)
        return self.composing.made(definition, architecture)

    def here_alone(self, name: str) -> bool:
        """Whether the base starts from Debian: then only its own kind of machine composes it."""
        source = self.source(name)
        if not isinstance(source, Definition):
            return False
        if isinstance(source.origin, OtherBase):
            return self.here_alone(source.origin.name)
        return isinstance(source.origin, DebianOrigin)

    def parent(self, definition: Definition, architecture: Architecture) -> Base:
        """The base that a definition starts from; what `pinned` raises."""
        key = PartKey("base", definition.name, architecture)
        if isinstance(definition.origin, DebianOrigin):
            from imagekit.bases.debian import Composer

            composer = Composer(store=self.workshop.store, environ=self.workshop.environ)
            return composer.base(definition, architecture, afresh=key in self.decisions.again)
        name = str(definition.origin)
        if key in self.decisions.again:
            self.decisions.again = self.decisions.again.also(name)
        return self.pinned(name, architecture)

    def _found(self, name: str, architecture: Architecture) -> Base:
        source = self.source(name)
        if isinstance(source, Definition) and not source.plain:
            return self.composing.base(source, architecture)
        inputs = _inputs(source)
        pin = self.decisions.base(name, architecture, inputs)
        wanted = Wanted(
            name=name,
            source=as_pinned(source, pin.reference) if pin else self._asked(name, architecture),
            architecture=architecture,
            pinned=pin.digest if pin else None,
            facts=pin.facts if pin else None,
            afresh=PartKey("base", name, architecture) in self.decisions.again,
        )
        with self.workshop.console.meter(f"reading the base {name}", 0) as meter:
            base = self.pinner(meter).base(wanted)
        day = pin.pinned if pin else self.workshop.today
        self.decisions.keep_base(base, architecture, inputs, day)
        return base

    def pinner(self, progress: Callable[[int], None]) -> Pinner:
        """Who reads bases in this run."""
        return Pinner(
            store=self.workshop.store,
            environ=self.workshop.environ,
            registry=lambda: self.workshop.registry,
            sleep=self.workshop.sleep,
            progress=progress,
        )

    def tags(self, reference: Reference) -> tuple[str, ...]:
        """Every tag of the repository, asked for once."""
        if reference.name not in self.listed:
            self.listed[reference.name] = self.workshop.registry.tags(reference)
        return self.listed[reference.name]

    def _asked(self, name: str, architecture: Architecture) -> Source:
        """What is to be pinned now: what the configuration says, unless somebody moved it.

        That is the newest calendar tag where an upgrade is asked for, and where the lock's own
        reference was edited, that one.
        """
        source = self.source(name)
        reference = followed(source)
        again = PartKey("base", name, architecture) in self.decisions.again
        if reference is None or reference.digest is not None:
            if again and reference is not None:
                said = "stays where it is: the configuration names its digest"
                self.workshop.console.say(f"warning: the base {name} {said}")
            return source
        if again:
            return at(source, self.newest(reference, architecture))
        edited = self.decisions.edited_base(name, architecture)
        return at(source, edited) if edited and edited.name == reference.name else source

    def newest(self, reference: Reference, architecture: Architecture) -> Reference:
        """The newest calendar tag of the reference's scheme; itself where its tag names no day."""
        if not reference.tag or calendar(reference.tag) is None:
            return reference
        return reference.tagged(newest(reference.tag, self.tags(reference), architecture))

    def _looked_up(self, name: str) -> Source:
        return self.known.get(name) or find(name, self._roots(name), self.project.bases)

    def _roots(self, name: str) -> tuple[Path, ...]:
        """Where `base_images/` counts: in the root, and in the member that has this base."""
        root = self.project.root
        having = named_in(name, (root, *self.project.members))
        if len(having) > 1:
            both = " and ".join(str(folder / FOLDER / name) for folder in having)
            raise ConfigError(
                problems=(Problem("base", f"{name!r} is both {both}; one lock pins one of them"),),
                hint="rename all but one of these folders",
            )
        return (root, *having)


def _inputs(source: Source) -> Digest:
    """Of what a person wrote about the base: where it changes, the pin is stale."""
    if isinstance(source, Definition):
        return Digest.of(source.path.read_bytes())
    return Digest.of(str(source).encode())
