"""`imagekit promote`: the same digest in other repositories, regions and accounts.

    ARTEFACT ─→ images ─→ repositories there ─→ pushes in parallel: mounted, else streamed

A destination that failed does not stop the others; the same command again sends what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.ecr import RepositorySettings
from imagekit.model.errors import ImagekitError, RemoteRefused, UsageError
from imagekit.model.reference import Reference
from imagekit.pipeline.named import project_for
from imagekit.pipeline.parallel import each
from imagekit.pipeline.pushing.destination import (
    FUNCTION,
    checked_tag,
    filled,
    repository_of,
)
from imagekit.pipeline.pushing.layer_shelf import Shelves, ToKeep
from imagekit.pipeline.pushing.movable import Movable, movable, shared_in
from imagekit.pipeline.pushing.repositories import Repositories, refuse_moving
from imagekit.pipeline.workshop import Workshop
from imagekit.registry.early import EarlyBlobs
from imagekit.registry.manifests import known_blobs
from imagekit.registry.push import Upload, push
from imagekit.report.errors import words
from imagekit.report.promote import Promoted, promoted_json, promoted_line


class Wish(Struct, frozen=True, kw_only=True):
    """Where to, and how."""

    destinations: tuple[str, ...]
    tags: tuple[str, ...] = ()
    create: bool = False
    layers: str | None = None
    """Where package layers are shared there: kept there first, and mounted from there."""
    together: int = 4
    """Pushes at once; each sends several blobs at once."""


class Goal(Struct, frozen=True, kw_only=True):
    """A repository, and the tags that the image gets there; none: by its digest alone."""

    repository: Reference
    tags: tuple[str, ...]


class _Job(Struct, frozen=True, kw_only=True):
    """One image on its way into one repository."""

    image: Movable
    to: Goal
    early: EarlyBlobs

    @property
    def reference(self) -> Reference:
        return self.early.reference


def run(workshop: Workshop, artefact: str, wish: Wish, *, json: bool) -> tuple[Promoted, ...]:
    """Have the artefact everywhere; answers are references by digest, one a line.

    Raises ImagekitError; where some destinations got it and others did not, after the answers.
    """
    done, failed = bring(workshop, artefact, wish)
    _tell(workshop, done, failed, json=json)
    return done


def everywhere(workshop: Workshop, artefact: str, wish: Wish) -> tuple[Promoted, ...]:
    """The same with nothing on stdout; RemoteRefused where a destination did not get it."""
    done, failed = bring(workshop, artefact, wish)
    for one in done:
        workshop.console.say(promoted_line(one))
    _raise(workshop, done, failed)
    return done


def bring(
    workshop: Workshop, artefact: str, wish: Wish
) -> tuple[tuple[Promoted, ...], tuple[tuple[_Job, ImagekitError], ...]]:
    """Have the artefact everywhere: what arrived, and what did not. Raises before a byte is sent
    what is wrong with the whole."""
    project = project_for(workshop, artefact)
    with movable(workshop, artefact, project) as images:
        jobs = _jobs(workshop, images, wish)
        settings = project.ecr if project else RepositorySettings()
        create = wish.create or settings.create
        ready = Repositories(workshop=workshop, settings=settings, create=create)
        ready.ready(job.early for job in jobs)
        for job in jobs:
            _refuse_moved_tags(workshop, job)
        shelves = Shelves(
            workshop=workshop, named={"": wish.layers}, settings=settings, create=create
        )
        return _promote(workshop, jobs, wish.together, shelves)


def _jobs(workshop: Workshop, images: Sequence[Movable], wish: Wish) -> tuple[_Job, ...]:
    found = [
        (image, to) for text in wish.destinations for image, to in _to(workshop, images, text, wish)
    ]
    _refuse_collisions(found)
    unique = {(image.plan.digest, to): (image, to) for image, to in found}
    return tuple(
        _Job(image=image, to=to, early=EarlyBlobs(workshop.registry, _reference(image, to)))
        for image, to in unique.values()
    )


def _refuse_collisions(found: Sequence[tuple[Movable, Goal]]) -> None:
    taken: dict[Reference, Digest] = {}
    for image, to in found:
        for tag in to.tags:
            there = to.repository.tagged(tag)
            if taken.setdefault(there, image.plan.digest) != image.plan.digest:
                raise UsageError(
                    what=f"{there}: two images would both go there",
                    hint=f"put {FUNCTION} into `--tag`, or leave it out",
                )


def _to(
    workshop: Workshop, images: Sequence[Movable], text: str, wish: Wish
) -> list[tuple[Movable, Goal]]:
    return [
        (image, destination(image, text, wish.tags, workshop.home_registry)) for image in images
    ]


def destination(image: Movable, text: str, asked: Sequence[str], home: Callable[[], str]) -> Goal:
    """The repository that `text` names, and the tags that the image gets there; none: by digest.

    The host of an ECR alone keeps the repository's name. UsageError for what is no repository.
    """
    if Reference(registry=text, repository="any").ecr:
        text = f"{text}/{_own_name(image, text)}"
    found = repository_of(_filled(text, image, lower=True), home)
    if found.digest is not None:
        raise UsageError(
            what=f"{text} names a digest; what arrives has the artefact's own",
            hint="write the repository alone, or with a tag",
        )
    tags = tuple(checked_tag(_filled(tag, image)) for tag in asked) or (
        (found.tag,) if found.tag else ()
    )
    if tags and image.architecture:
        tags = tuple(f"{tag}-{image.architecture}" for tag in tags)
    own = (image.tag,) if image.tag else ()
    return Goal(repository=replace(found, tag=None), tags=tags or own)


def _filled(text: str, image: Movable, *, lower: bool = False) -> str:
    if FUNCTION in text and image.function is None:
        raise UsageError(
            what=f"{text!r} asks for a function's name, and {image.name} is no function here",
            hint=f"write the name in place of {FUNCTION}",
        )
    name = image.function or ""
    return filled(text, name.lower() if lower else name)


def _own_name(image: Movable, text: str) -> str:
    if image.home is None:
        raise UsageError(
            what=f"{text} names no repository, and {image.name} comes from none",
            hint=f"write {text}/NAME",
        )
    return image.home.repository


def _reference(image: Movable, to: Goal) -> Reference:
    return to.repository.tagged(to.tags[0]) if to.tags else to.repository.at(image.plan.digest)


def _refuse_moved_tags(workshop: Workshop, job: _Job) -> None:
    """Immutable tags are refused before a byte is sent; imagekit's own one stays silently."""
    for tag in job.to.tags:
        if tag == job.image.tag:
            continue
        there = job.to.repository.tagged(tag)
        if tag == job.to.tags[0]:
            current = job.early.current()
            named: Digest | None = current.digest if current else None
        else:
            named = workshop.registry.has_manifest(there)
        if named not in (None, job.image.plan.digest):
            refuse_moving(there, workshop.environ)


def _promote(
    workshop: Workshop, jobs: Sequence[_Job], together: int, shelves: Shelves
) -> tuple[tuple[Promoted, ...], tuple[tuple[_Job, ImagekitError], ...]]:
    total = sum(_size(job) for job in jobs)
    places = f"{len(jobs)} repositories" if len(jobs) > 1 else jobs[0].to.repository.name
    with workshop.console.meter(f"promoting to {places}", total) as meter:
        ended = each(lambda job: _one(workshop, job, meter, shelves), jobs, together)
    done = tuple(one for one in ended if isinstance(one, Promoted))
    failed = tuple(
        (job, one) for job, one in zip(jobs, ended, strict=True) if isinstance(one, ImagekitError)
    )
    return done, failed


def _one(
    workshop: Workshop, job: _Job, progress: Callable[[int], None], shelves: Shelves
) -> Promoted | ImagekitError:
    began = time.monotonic()
    own = job.to.tags == (job.image.tag,)
    try:
        result = push(
            workshop.registry,
            replace(job.image.plan, leave_taken=own, blobs=_nearer(workshop, job, shelves)),
            job.reference,
            tags=job.to.tags[1:],
            progress=progress,
            early=job.early,
        )
    except ImagekitError as error:
        return error
    return Promoted(
        name=job.image.name,
        reference=str(result.reference),
        tags=tuple(tag for tag in job.to.tags if tag not in result.taken),
        sent_bytes=result.sent_bytes,
        mounted_bytes=result.mounted_bytes,
        size_bytes=_size(job),
        seconds=time.monotonic() - began,
    )


def _nearer(workshop: Workshop, job: _Job, shelves: Shelves) -> tuple[Upload, ...]:
    """The blobs; package layers that are new there are in the layer repository before."""
    current = job.early.current()
    known = known_blobs(current.data) if current else frozenset()
    blobs = job.image.plan.blobs
    uploads = {one.descriptor.digest: one for one in blobs if one.descriptor.digest not in known}
    shelf = shelves.of("") if uploads else None
    if shelf is None:
        return blobs
    records = (one for one in shared_in(workshop, job.image.plan) if one.digest in uploads)
    layers = [ToKeep(record=record, upload=uploads[record.digest]) for record in records]
    nearer = shelf.keep_all(layers)
    return tuple(nearer.get(one.descriptor.digest, one) for one in blobs)


def _size(job: _Job) -> int:
    return sum(upload.descriptor.size_bytes for upload in job.image.plan.unique())


def _tell(
    workshop: Workshop,
    done: Sequence[Promoted],
    failed: Sequence[tuple[_Job, ImagekitError]],
    *,
    json: bool,
) -> None:
    if json:
        workshop.console.answer(promoted_json(done))
    for one in done:
        workshop.console.say(promoted_line(one))
        if not json:
            workshop.console.answer(one.reference)
    _raise(workshop, done, failed)


def _raise(
    workshop: Workshop,
    done: Sequence[Promoted],
    failed: Sequence[tuple[_Job, ImagekitError]],
) -> None:
    if not failed:
        return
    if len(failed) + len(done) == 1:
        raise failed[0][1]
    for job, error in failed:
        workshop.console.say(f"{job.to.repository.name}: {words(error)}")
    raise RemoteRefused(
        what=f"{len(failed)} of {len(failed) + len(done)} destinations did not get the image",
        causes=tuple(job.to.repository.name for job, _ in failed),
        hint="type the same again: what is there is not sent twice",
    )
