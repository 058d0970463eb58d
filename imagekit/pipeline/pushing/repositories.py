"""Repositories of ECR before something is sent: there, made where that was asked, else refused.

The registry itself is asked first: where it knows the repository, AWS's API is not asked at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.model.ecr import MOVING, RepositorySettings
from imagekit.model.errors import AwsRefused, HttpError, RemoteRefused
from imagekit.model.reference import Reference
from imagekit.pipeline.workshop import Workshop
from imagekit.registry.early import EarlyBlobs
from imagekit.registry.refusals import create_repository, tag_taken

if TYPE_CHECKING:
    from imagekit.aws.repositories import Ecr

_THREADS = 8


class Repositories(Struct, frozen=True, kw_only=True):
    """What a push may do about repositories that are not there."""

    workshop: Workshop
    settings: RepositorySettings
    create: bool

    def ready(self, places: Iterable[EarlyBlobs]) -> None:
        """Have every repository of ECR there, each looked at once.

        RemoteRefused where one is missing and nobody said to make it; one that ECR makes by itself
        on the first push (a creation template, lambda_rules E2) is not missing.
        """
        found = {early.reference.name: early for early in places if early.reference.ecr}
        if len(found) < 2:
            for early in found.values():
                self._ready(early)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_THREADS, len(found))) as pool:
            list(pool.map(self._ready, found.values()))

    def to_make(self, places: Iterable[EarlyBlobs]) -> tuple[Reference, ...]:
        """Those that `ready` would make; nothing is. RemoteRefused where it would refuse."""
        found = {early.reference.name: early for early in places if early.reference.ecr}
        lacking = [early.reference for early in found.values() if self._missing(early)]
        return tuple(one for one in lacking if self._is_made(self._ecr(one), one))

    def _is_made(self, ecr: Ecr, reference: Reference) -> bool:
        """Whether the repository, which is missing, is made here, or ECR does it by itself."""
        if not self.create and _template(ecr, reference.repository) is None:
            raise missing(reference)
        return self.create

    def _ready(self, early: EarlyBlobs) -> None:
        if not self._missing(early):
            if self.create and early.current() is None:
                # Nothing was pushed yet: an earlier run may have been cut off while it made it.
                self._ecr(early.reference).finish(early.reference.repository, self.settings)
            return
        reference = early.reference
        ecr = self._ecr(reference)
        if self._is_made(ecr, reference) and ecr.create(reference.repository, self.settings):
            for line in made_lines(reference, self.settings):
                self.workshop.console.say(line)

    def _missing(self, early: EarlyBlobs) -> bool:
        try:
            early.current()
        except HttpError as error:
            # ECR may hang up on whoever names a repository that is not there.
            if error.status != 0:
                raise
            reference = early.reference
            if self._ecr(reference).find(reference.repository) is not None:
                raise
            return True
        return early.repository_unknown

    def _ecr(self, reference: Reference) -> Ecr:
        return open_ecr(reference, self.workshop.environ, self.workshop.sleep)


def open_ecr(
    reference: Reference,
    environ: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> Ecr:
    """The ECR that `reference` lies in, by the identity of `environ`."""
    from imagekit.aws.calls import Calls
    from imagekit.aws.repositories import Ecr

    account, region = reference.ecr or ("", "")
    return Ecr.open(account, region, Calls(environ=environ, sleep=sleep))


def refuse_moving(reference: Reference, environ: Mapping[str, str]) -> None:
    """Before a tag that names another image is moved: TagTaken if it is immutable.

    ECR itself says so only after every layer was sent (lambda_rules E16). Who may not look at the
    repository finds out then.
    """
    if reference.ecr is None or reference.tag is None:
        return
    try:
        found = open_ecr(reference, environ).find(reference.repository)
    except AwsRefused:
        return
    if found is not None and found.immutable(reference.tag):
        raise tag_taken(reference, "the repository's tags are immutable")


def missing(reference: Reference) -> RemoteRefused:
    """There is no such repository, and what makes it."""
    account, region = reference.ecr or ("", "")
    return RemoteRefused(
        what=f"there is no repository {reference.repository} in {region} of account {account}",
        hint=create_repository(reference),
    )


def made_lines(reference: Reference, settings: RepositorySettings) -> Iterator[str]:
    """What was made, and what of it may surprise."""
    tags = f"tags immutable but for {MOVING}*" if settings.immutable else "tags may be moved"
    scan = "scanned on push" if settings.scan else "not scanned"
    yield f"made {reference.name}: {tags}, {scan}, encryption {settings.encryption}"
    if settings.keep is not None or settings.untagged_days is not None:
        yield (
            "warning: ECR's lifecycle does not know what functions use, and may expire an image "
            "that a version still runs; imagekit gc does know"
        )


def _template(ecr: Ecr, name: str) -> str | None:
    try:
        return ecr.template_for(name)
    except AwsRefused:
        # Whoever may not look at templates has a missing repository.
        return None
