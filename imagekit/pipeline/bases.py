"""The bases of a run: found by name, pinned once, kept in `imagekit.lock`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from imagekit.bases.definition import FOLDER, Definition, Source, find, named_in
from imagekit.bases.demands import Wanted
from imagekit.bases.pin import Pinner
from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.errors import ConfigError, Problem
from imagekit.model.target import Architecture
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Bases:
    """Resolves what `base` says; asks a registry, or composes, only for what is not pinned yet."""

    workshop: Workshop
    project: ProjectConfig
    decisions: Decisions
    known: dict[str, Source] = field(default_factory=dict)

    def source(self, name: str) -> Source:
        """What the name stands for; ConfigError where it is nothing, or two things."""
        if name not in self.known:
            self.known[name] = find(name, self._roots(name))
        return self.known[name]

    def python(self, name: str) -> str | None:
        """The minor version that the base's definition says, where it says one."""
        source = self.source(name)
        return source.python if isinstance(source, Definition) else None

    def pinned(self, name: str, architecture: Architecture) -> Base:
        """The base by digest, with its facts. Raises what `Pinner.base` raises, and LockError."""
        source = self.source(name)
        inputs = _inputs(source)
        pin = self.decisions.base(name, architecture, inputs)
        wanted = Wanted(
            name=name,
            source=source,
            architecture=architecture,
            pinned=pin.digest if pin else None,
            facts=pin.facts if pin else None,
        )
        with self.workshop.console.meter(f"reading the base {name}", 0) as meter:
            base = Pinner(
                store=self.workshop.store,
                environ=self.workshop.environ,
                registry=lambda: self.workshop.registry,
                sleep=time.sleep,
                progress=meter,
            ).base(wanted)
        self.decisions.keep_base(base, architecture, inputs)
        return base

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
