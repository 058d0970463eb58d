"""`imagekit base build` and `imagekit base publish`: a base is made, checked, and leaves the store.

base.toml ─→ composed, checked ─→ disk
                               └→ tags, none of which may hide another image ─→ registries
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from imagekit.bases.debian import composes
from imagekit.bases.definition import Definition, Publishing
from imagekit.bases.record import note_published
from imagekit.model.base_outcome import BaseOutcome
from imagekit.model.errors import UsageError
from imagekit.model.target import Architecture
from imagekit.oci.layout import write_layout
from imagekit.pipeline.bases.compose import MadeBase
from imagekit.pipeline.bases.places import Arrived, BasePlaces, own_tags, pinned, places
from imagekit.pipeline.bases.project import BaseProject
from imagekit.pipeline.bases.tags import Shelf
from imagekit.pipeline.checking import require_base
from imagekit.pipeline.deliver import DEFAULT_FOLDER, completed
from imagekit.pipeline.make import layer_outcome
from imagekit.pipeline.pushing.destination import repository_of
from imagekit.pipeline.request import LockMode, known_architecture
from imagekit.pipeline.workshop import Workshop
from imagekit.report.base_made import closing_lines, document, how_to_name


class Wish(Struct, frozen=True, kw_only=True):
    """Which base, for which architectures; none named means all that this machine can make."""

    name: str
    architectures: tuple[Architecture, ...] = ()
    lock_mode: LockMode = "write"
    upgrade: bool = False
    """Start from what the parent's tag names today, and from today's Debian."""

    @classmethod
    def of(
        cls, name: str, architectures: Sequence[str] | None, lock_mode: str, *, upgrade: bool
    ) -> Wish:
        """Read the words of a command line; UsageError for an architecture that is none."""
        return cls(
            name=name,
            architectures=tuple(dict.fromkeys(map(known_architecture, architectures or ()))),
            lock_mode=cast("LockMode", lock_mode),
            upgrade=upgrade,
        )


def build(
    workshop: Workshop, wish: Wish, *, folder: Path | None, complete: bool, json: bool
) -> None:
    """Write an OCI layout for each architecture; their paths go to stdout."""
    began = time.monotonic()
    opened, made = _made(workshop, wish)
    folder = opened.project.root / DEFAULT_FOLDER if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for one in made:
        architecture = one.plan.target.architecture
        name = f"{wish.name}-{architecture}" if len(made) > 1 else wish.name
        image = completed(workshop, one.image) if complete else one.image
        path = folder / f"{name}.oci"
        below = one.plan.base.reference if one.plan.base else None
        sparse = write_layout(image, path, complete=complete, base_reference=below)
        outcomes.append(replace(_outcome(one), path=path, sparse=sparse))
    _tell(workshop, outcomes, began, json=json)


def publish(
    workshop: Workshop, wish: Wish, *, to: str | None, tags: tuple[str, ...], json: bool
) -> None:
    """Push each architecture under its own tags; a reference with digest for each to stdout.

    Raises RemoteRefused before anything is sent where an immutable tag names another image.
    """
    began = time.monotonic()
    opened = _open(workshop, wish)
    publishing = _publishing(_definition(opened, wish.name), to)
    repository = repository_of(publishing.repository, workshop.home_registry)
    everywhere = BasePlaces(
        workshop=workshop,
        places=places(publishing, repository),
        settings=opened.project.ecr,
    )
    everywhere.require_there()
    opened, made = _made(workshop, wish, opened)
    shelf = Shelf(
        registry=workshop.registry,
        repository=repository,
        digests={one.plan.target.architecture: one.image.digest for one in made},
    )
    named = tags or ((repository.tag,) if repository.tag else ())
    chosen = named or (publishing.moving or shelf.calendar_tag(workshop.today),)
    everywhere.require_free(shelf, chosen, immutable=publishing.immutable)
    arrived = everywhere.push(made, chosen)
    outcomes = [_published(workshop, one, arrived, shelf, chosen) for one in made]
    _tell(workshop, outcomes, began, json=json)
    workshop.console.say(how_to_name(wish.name, repository.name, chosen[0]))


def _open(workshop: Workshop, wish: Wish) -> BaseProject:
    return BaseProject.open(workshop, wish.lock_mode, wish.name if wish.upgrade else None)


def _made(
    workshop: Workshop, wish: Wish, opened: BaseProject | None = None
) -> tuple[BaseProject, tuple[MadeBase, ...]]:
    """The base for every architecture, all of them checked before the first one leaves."""
    opened = opened or _open(workshop, wish)
    definition = _definition(opened, wish.name)
    architectures = wish.architectures or _possible(workshop, opened, definition)
    made = tuple(opened.bases.made(definition, each) for each in architectures)
    for one in made:
        require_base(one.plan, one.image, one.records, whole=True)
    opened.decisions.save()
    return opened, made


def _definition(opened: BaseProject, name: str) -> Definition:
    source = opened.bases.source(name)
    if not isinstance(source, Definition):
        raise UsageError(
            what=f"{name} is {source}, which nobody makes here",
            hint="name a folder in base_images/, or a base that comes with imagekit",
        )
    return source


def _possible(
    workshop: Workshop, opened: BaseProject, definition: Definition
) -> tuple[Architecture, ...]:
    """The base's architectures; of one that starts from Debian, those that this machine runs."""
    found = opened.bases.architectures(definition.name)
    if not opened.bases.here_alone(definition.name):
        return found
    here = tuple(each for each in found if composes(each))
    if here and len(here) < len(found):
        away = ", ".join(each for each in found if each not in here)
        what = (
            f"{definition.name} for {away} is left out: Debian's packages run when they are set up"
        )
        workshop.console.say(f"{what}; make it on such a machine, with the same --tag")
    return here or found


def _publishing(definition: Definition, to: str | None) -> Publishing:
    if to is not None:
        own = definition.publish or Publishing(repository=to)
        return replace(own, repository=to, regions=(), accounts=())
    if definition.publish is None:
        raise UsageError(
            what=f"nothing says where to publish {definition.name}",
            hint=f"add [publish] with `repository` to {definition.path}, or `--to REPOSITORY`",
        )
    return definition.publish


def _published(
    workshop: Workshop,
    made: MadeBase,
    arrived: Sequence[Arrived],
    shelf: Shelf,
    tags: tuple[str, ...],
) -> BaseOutcome:
    """What came of one architecture, wherever it went."""
    architecture, digest = made.plan.target.architecture, made.image.digest
    own = own_tags(tags, architecture)
    references = tuple(pinned(shelf.repository, tag, digest) for tag in own)
    # A function that is built on it by name takes the layers from there.
    note_published(workshop.store, made.base.digest, references[0])
    if made.plan.base and not made.plan.layers:
        note_published(workshop.store, made.plan.base.digest, references[0])
    mine = [one for one in arrived if one.made is made]
    others = (one.place for one in mine if one.place != shelf.repository)
    return replace(
        _outcome(made),
        references=references,
        elsewhere=tuple(pinned(place, own[0], digest) for place in others),
        there=shelf.has(tags, architecture) and not any(one.sent_bytes for one in mine),
        sent_bytes=sum(one.sent_bytes for one in mine),
        mounted_bytes=sum(one.mounted_bytes for one in mine),
    )


def _outcome(made: MadeBase) -> BaseOutcome:
    plan, image = made.plan, made.image
    if plan.base is None:
        raise ValueError("a shared base starts from another one")
    return BaseOutcome(
        name=plan.function,
        architecture=plan.target.architecture,
        parent=plan.base.reference,
        digest=image.digest,
        unzipped_bytes=made.base.facts.unzipped_bytes,
        size_bytes=len(image.config) + sum(one.descriptor.size_bytes for one in image.layers),
        layers=tuple(layer_outcome(one, made.records[one.fingerprint]) for one in plan.layers),
    )


def _tell(workshop: Workshop, outcomes: Sequence[BaseOutcome], began: float, *, json: bool) -> None:
    if json:
        workshop.console.answer(document(outcomes))
    seconds = time.monotonic() - began
    for outcome in outcomes:
        for line in closing_lines(replace(outcome, seconds=seconds)):
            workshop.console.say(line)
        if not json:
            workshop.console.answer(
                outcome.references[0] if outcome.references else str(outcome.path)
            )
