"""Every registry that a base is published to: its own, and ECR's of further regions and accounts.

    places ─→ each looked at: there, and its tags free ─→ pushed side by side, the same digest

Refused as a whole before a byte is sent; a place that fails later does not stop the others, and the
same command again sends what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imagekit.aws.identity import registry_host
from imagekit.bases.definition import Publishing
from imagekit.model.digest import Digest
from imagekit.model.ecr import RepositorySettings
from imagekit.model.errors import ImagekitError, RemoteError, RemoteRefused, UsageError
from imagekit.model.reference import Reference
from imagekit.model.target import Architecture
from imagekit.pipeline.bases.compose import MadeBase
from imagekit.pipeline.bases.tags import Shelf, tag_for
from imagekit.pipeline.parallel import each
from imagekit.pipeline.pushing.destination import Destination
from imagekit.pipeline.workshop import Workshop
from imagekit.report.errors import told

_TOGETHER = 4
"""Pushes at once; each sends several blobs at once."""


class Arrived(Struct, frozen=True, kw_only=True):
    """One architecture in one place."""

    made: MadeBase
    place: Reference
    sent_bytes: int
    mounted_bytes: int


def places(publishing: Publishing, repository: Reference) -> tuple[Reference, ...]:
    """The repository, and the same name in every account and region that is named, each once.

    UsageError where regions or accounts are named and the repository is no private ECR.
    """
    if not (publishing.regions or publishing.accounts):
        return (repository,)
    if repository.ecr is None:
        raise UsageError(
            what=f"publish.regions and publish.accounts are of ECR, and {repository.name} is not",
            hint='write `repository = "team/bases/NAME"`, which is ECR in your own account',
        )
    account, region = repository.ecr
    hosts = dict.fromkeys(
        registry_host(each_account, each_region)
        for each_account in (account, *publishing.accounts)
        for each_region in (region, *publishing.regions)
    )
    own = dict.fromkeys((repository.registry, *hosts))
    return tuple(replace(repository, registry=host) for host in own)


class BasePlaces(Struct, frozen=True, kw_only=True):
    """Those of one publishing."""

    workshop: Workshop
    places: tuple[Reference, ...]
    settings: RepositorySettings

    def require_there(self) -> None:
        """Every repository of ECR is there, or made where the configuration says so; else
        RemoteRefused naming all that are not."""
        from imagekit.pipeline.pushing.repositories import Repositories
        from imagekit.registry.early import EarlyBlobs

        ready = Repositories(
            workshop=self.workshop, settings=self.settings, create=self.settings.create
        )

        def look(place: Reference) -> None:
            # Any tag will do: what is asked is the repository.
            ready.ready([EarlyBlobs(self.workshop.registry, place.tagged("any"))])

        self._all(look)

    def require_free(self, shelf: Shelf, tags: Sequence[str], *, immutable: bool) -> None:
        """No tag that may not be moved names other content, anywhere; else RemoteRefused."""
        from imagekit.pipeline.pushing.repositories import refuse_moving

        def look(place: Reference) -> None:
            here = shelf if place == shelf.repository else shelf.elsewhere(place)
            if immutable:
                here.refuse_other_content(tuple(tags), self.workshop.today)
                return
            for tag in tags:
                for architecture, digest in shelf.digests.items():
                    if here.there(tag, architecture) not in (None, digest):
                        there = place.tagged(tag_for(tag, architecture))
                        refuse_moving(there, self.workshop.environ)

        self._all(look)

    def push(self, made: Sequence[MadeBase], tags: Sequence[str]) -> tuple[Arrived, ...]:
        """Every architecture everywhere. RemoteRefused naming the places that did not get it."""
        jobs = [(one, place) for one in made for place in self.places]
        ended = each(lambda job: self._pushed(*job, tags), jobs, _TOGETHER)
        done = tuple(one for one in ended if isinstance(one, Arrived))
        failed = [
            (place, one)
            for (_, place), one in zip(jobs, ended, strict=True)
            if isinstance(one, ImagekitError)
        ]
        if len(failed) == 1 == len(jobs):
            raise failed[0][1]
        if failed:
            named = [f"{place.name}: {told(error)}" for place, error in failed]
            raise RemoteRefused(
                what=f"{len(failed)} of {len(jobs)} places did not get the base",
                causes=tuple(named),
                hint="type the same again: what is there is not sent twice",
            )
        return done

    def _pushed(
        self, made: MadeBase, place: Reference, tags: Sequence[str]
    ) -> Arrived | ImagekitError:
        # 40 ms of imports that only a push needs.
        from imagekit.pipeline.pushing.way import Way

        to = Destination(repository=place, tags=own_tags(tags, made.plan.target.architecture))
        try:
            result = Way.open(self.workshop, made.plan, to).push(made.image)
        except ImagekitError as error:
            return error
        return Arrived(
            made=made,
            place=place,
            sent_bytes=result.sent_bytes,
            mounted_bytes=result.mounted_bytes,
        )

    def _all(self, look: Callable[[Reference], None]) -> None:
        """Look at every place; what speaks against any of them is raised together."""

        def looked(place: Reference) -> RemoteError | None:
            try:
                look(place)
            except RemoteError as error:
                return error
            return None

        found = each(looked, self.places, _TOGETHER)
        refusals = [error for error in found if error is not None]
        if len(refusals) > 1:
            raise RemoteRefused(
                what=f"{len(refusals)} of {len(self.places)} places cannot take the base",
                causes=tuple(_causes(refusals)),
                hint=refusals[0].hint,
            )
        if refusals:
            raise refusals[0]


def own_tags(tags: Sequence[str], architecture: Architecture) -> tuple[str, ...]:
    """The tags of one architecture."""
    return tuple(tag_for(tag, architecture) for tag in tags)


def pinned(place: Reference, tag: str, digest: Digest) -> str:
    """As a pin has it: `repository:tag@digest`."""
    return str(replace(place, tag=tag, digest=digest))


def _causes(refusals: Sequence[RemoteError]) -> Iterator[str]:
    for error in refusals:
        yield told(error)
        if isinstance(error, RemoteRefused):
            yield from error.causes
