"""`imagekit gc`: images that no version of any function runs.

    repositories ─→ their images ─→ every function of every account ─→ verdicts ─→ deletion

Images are listed before functions: what is pushed and deployed meanwhile is not looked at. Where
an account that may use a repository cannot be read, nothing is deleted anywhere.
"""

from __future__ import annotations

import json as encoder
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.ecr import Collection, StoredImage, Use
from imagekit.model.errors import RemoteRefused, UsageError
from imagekit.model.image import INDEXES
from imagekit.model.reference import Reference
from imagekit.pipeline.account.garbage import Held, in_order, judged
from imagekit.pipeline.deploying.stages import at_stage
from imagekit.pipeline.named import project_here
from imagekit.pipeline.pushing.destination import repository_of
from imagekit.pipeline.pushing.repositories import missing
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig, Stage
from imagekit.project.config_stages import repository_of as stage_repository
from imagekit.project.imagekit_lock import NAME, read
from imagekit.report.gc import closing_line, collection_line, gc_json, unused_line

if TYPE_CHECKING:
    from imagekit.aws.calls import Calls
    from imagekit.aws.repositories import Ecr


class Wish(Struct, frozen=True, kw_only=True):
    """What to clean, who else runs functions, and what stays."""

    repositories: tuple[str, ...] = ()
    """As written; none: the project's, of all of its stages."""
    stages: tuple[str, ...] = ()
    """Only the repositories of these; all stages are read nonetheless."""
    accounts: tuple[str, ...] = ()
    """Profiles or roles of further accounts."""
    keep: int = 5
    anyway: bool = False
    """The accounts that are read are all that there are, whatever a policy lets in."""
    apply: bool = False


class _Listed(Struct, frozen=True, kw_only=True):
    """A repository whose images were listed."""

    reference: Reference
    ecr: Ecr
    images: tuple[StoredImage, ...]
    parts: Mapping[Digest, tuple[Digest, ...]]


def run(workshop: Workshop, wish: Wish, *, json: bool) -> tuple[Collection, ...]:
    """Say what nothing points at, and with `apply` delete it. Raises ImagekitError.

    RemoteRefused, with nothing deleted, where not all functions could be read.
    """
    project = project_here(workshop)
    identities = _identities(workshop, project, wish)
    references = _repositories(workshop, project, wish)
    listed = [_listed(workshop, one, identities) for one in references]
    for one in listed:
        _refuse_unread(one, identities, anyway=wish.anyway)
    uses = _uses(listed, identities)
    pinned = _pinned(project)
    held = [Held(uses=uses, newest=wish.keep, pinned=pinned, parts=one.parts) for one in listed]
    now = workshop.now()
    found = tuple(
        Collection(repository=one.reference.name, verdicts=judged(one.images, keeps, now))
        for one, keeps in zip(listed, held, strict=True)
    )
    if not json:
        _tell(workshop, found)
    if wish.apply:
        _delete(listed, found, held)
    if json:
        workshop.console.answer(gc_json(found, applied=wish.apply))
    workshop.console.say(closing_line(found, applied=wish.apply))
    return found


def _identities(workshop: Workshop, project: ProjectConfig | None, wish: Wish) -> dict[str, Calls]:
    """Who reads which account: the caller, every stage, every `--account`."""
    from imagekit.aws.calls import Calls
    from imagekit.aws.identity import caller

    found: dict[str, Calls] = {}
    for environ in _environs(workshop, project, wish):
        account = caller(environ, time.sleep).account
        found.setdefault(account, Calls(environ=environ, sleep=time.sleep))
    return found


def _environs(
    workshop: Workshop, project: ProjectConfig | None, wish: Wish
) -> Iterator[Mapping[str, str]]:
    from imagekit.aws.account import stage_environ

    stages = project.stages if project else ()
    if not stages:
        yield workshop.environ
    for stage in stages:
        yield at_stage(workshop, stage).environ
    for one in wish.accounts:
        if one.startswith("arn:"):
            yield stage_environ(workshop.environ, role_arn=one)
        else:
            yield stage_environ(workshop.environ, profile=one)


def _repositories(
    workshop: Workshop, project: ProjectConfig | None, wish: Wish
) -> tuple[Reference, ...]:
    """Those of ECR, each once; UsageError where there is none to clean."""
    named = [repository_of(text, workshop.home_registry) for text in wish.repositories]
    for one in named:
        if one.ecr is None:
            raise UsageError(
                what=f"{one.name} is no private ECR, and only ECR can be cleaned",
                hint="imagekit gc ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME",
            )
    found = named or [one for one in _of_project(workshop, project, wish.stages) if one.ecr]
    plain = (Reference(registry=one.registry, repository=one.repository) for one in found)
    kept = tuple(dict.fromkeys(plain))
    if not kept:
        raise UsageError(
            what="nothing says which repositories to clean",
            hint="imagekit gc REPOSITORY, or add `repository` to the configuration",
        )
    return kept


def _of_project(
    workshop: Workshop, project: ProjectConfig | None, asked: Sequence[str]
) -> Iterator[Reference]:
    if project is None:
        return
    for stage in _stages(project, asked):
        home = at_stage(workshop, stage).home_registry
        for function in project.functions:
            text = stage_repository(function, stage)
            if text is not None:
                yield repository_of(text, home)


def _stages(project: ProjectConfig, asked: Sequence[str]) -> tuple[Stage | None, ...]:
    from imagekit.pipeline.deploying.stages import chosen

    if asked:
        return chosen(project, asked)
    return project.stages or (None,)


def _listed(workshop: Workshop, reference: Reference, identities: Mapping[str, Calls]) -> _Listed:
    from imagekit.aws.images import stored_images
    from imagekit.aws.repositories import Ecr

    account, region = reference.ecr or ("", "")
    calls = identities.get(account) or next(iter(identities.values()))
    ecr = Ecr.open(account, region, calls)
    if ecr.find(reference.repository) is None:
        raise missing(reference)
    images = stored_images(ecr, reference.repository)
    parts = {
        one.digest: _parts(workshop, reference.at(one.digest))
        for one in images
        if one.media_type in INDEXES
    }
    return _Listed(reference=reference, ecr=ecr, images=images, parts=parts)


def _parts(workshop: Workshop, index: Reference) -> tuple[Digest, ...]:
    found = workshop.registry.find_manifest(index)
    entries = encoder.loads(found.data).get("manifests", ()) if found else ()
    return tuple(Digest.parse(one["digest"]) for one in entries)


def _refuse_unread(listed: _Listed, identities: Mapping[str, Calls], *, anyway: bool) -> None:
    """An account that the policy lets in may run an image, whatever our own accounts do."""
    from imagekit.aws.policies import accounts_in

    name, account = listed.reference.name, listed.ecr.account
    let_in = accounts_in(listed.ecr.policy(listed.reference.repository)) | {account}
    unread = sorted(let_in - set(identities))
    if not unread or anyway:
        return
    who = "any account" if "*" in unread else f"account {', '.join(unread)}"
    raise RemoteRefused(
        what=f"functions of {who} may run images of {name}, and were not read",
        causes=(f"read: {', '.join(sorted(identities))}",),
        hint="add `--account PROFILE` for each, or `--anyway` where they run none of them",
    )


def _uses(listed: Sequence[_Listed], identities: Mapping[str, Calls]) -> tuple[Use, ...]:
    from imagekit.aws.usage import images_in_use

    known = frozenset(image.digest for one in listed for image in one.images)
    # Lambda takes images of its own region alone (lambda_rules L1).
    regions = sorted({one.ecr.region for one in listed})
    return tuple(
        use
        for region in regions
        for account, calls in identities.items()
        for use in images_in_use(calls, account, region, known)
    )


def _pinned(project: ProjectConfig | None) -> frozenset[Digest]:
    lock = read(project.root / NAME) if project else None
    if lock is None:
        return frozenset()
    bases = {pin.digest for pin in lock.bases}
    return frozenset(bases | {pin.digest for pin in lock.extensions})


def _tell(workshop: Workshop, found: Sequence[Collection]) -> None:
    for one in found:
        workshop.console.say(collection_line(one))
        for image in one.unused:
            workshop.console.answer(unused_line(one.repository, image))


def _delete(listed: Sequence[_Listed], found: Sequence[Collection], held: Sequence[Held]) -> None:
    from imagekit.aws.images import delete_images

    left: list[str] = []
    for one, collection, keeps in zip(listed, found, held, strict=True):
        digests = in_order(collection.unused, keeps)
        kept = delete_images(one.ecr, one.reference.repository, digests)
        left += [f"{one.reference.at(digest)}: {why}" for digest, why in kept]
    if left:
        raise RemoteRefused(
            what=f"ECR keeps {len(left)} of the images", causes=tuple(left), hint="imagekit gc"
        )
