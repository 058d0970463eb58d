"""`imagekit doctor`: look at all that a release needs, and change nothing.

    stage ─→ who we are ─→ repositories ─→ functions ─→ findings, each with what mends it

Calls that describe, and no others; a repository or a function that many share is looked at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from imagekit import __version__
from imagekit.aws.identity import registry_host
from imagekit.model.doctor import Finding, worst
from imagekit.model.ecr import Repository
from imagekit.model.errors import AwsRefused, RemoteRefused
from imagekit.model.packaging import package_type
from imagekit.model.reference import Reference
from imagekit.pipeline.account import diagnosis
from imagekit.pipeline.deploying.stages import at_stage, chosen
from imagekit.pipeline.pushing.destination import repository_of
from imagekit.pipeline.pushing.repositories import open_ecr
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig, ProjectConfig, Stage
from imagekit.project.config_stages import for_stage, layer_repository_of
from imagekit.project.config_stages import repository_of as stage_repository
from imagekit.project.imagekit_lock import NAME, read
from imagekit.project.lock_values import ImagekitLock
from imagekit.project.read_config import load
from imagekit.report.doctor import closing_line, doctor_json, finding_lines

if TYPE_CHECKING:
    from imagekit.aws.functions import Functions
    from imagekit.aws.identity import Caller
    from imagekit.aws.repositories import Ecr

T = TypeVar("T")

_THREADS = 8


def run(
    workshop: Workshop, names: Sequence[str], stages: Sequence[str], *, json: bool
) -> tuple[Finding, ...]:
    """Answer with every finding. Raises ConfigError, UsageError; what AWS refuses is a finding."""
    project = load(workshop.folder, tuple(names), version=__version__)
    lock = read(project.root / NAME) or ImagekitLock()
    found = tuple(
        finding
        for stage in chosen(project, stages)
        for finding in _findings(workshop, project, lock, stage)
    )
    if json:
        workshop.console.answer(doctor_json(found))
    else:
        workshop.console.answer("\n".join(finding_lines(found)))
    options = "".join((*(f" {name}" for name in names), *(f" --stage {one}" for one in stages)))
    workshop.console.say(closing_line(found, options))
    return found


def exit_code(found: Sequence[Finding]) -> int:
    """0 where a release would go through, 1 where something is missing, 3 where it is not known."""
    return worst(found)


def _findings(
    workshop: Workshop, project: ProjectConfig, lock: ImagekitLock, stage: Stage | None
) -> Iterator[Finding]:
    from imagekit.aws.identity import caller

    label = f"stage {stage.name}" if stage else "caller"
    try:
        place = at_stage(workshop, stage)
        who = caller(place.environ, time.sleep)
    except RemoteRefused as error:
        yield _unseen(label, error)
        return
    yield Finding(where=label, what=f"{who.arn} in {who.region}")
    look = _Look(workshop=place, project=project, lock=lock, stage=stage, who=who)
    yield from look.repositories()
    yield from look.functions()


class _Look(Struct, frozen=True, kw_only=True, dict=True):
    """One stage, looked at as its own identity."""

    workshop: Workshop
    project: ProjectConfig
    lock: ImagekitLock
    stage: Stage | None
    who: Caller

    def repositories(self) -> Iterator[Finding]:
        """Every repository that images of this stage come from, and what they share."""
        seen: list[Repository] = []
        for reference in dict.fromkeys(self._references()):
            yield from diagnosis.of_address(reference, self.who.region)
            if reference.ecr is None:
                continue
            try:
                yield from self._repository(reference, seen)
            except AwsRefused as error:
                yield _unseen(reference.name, error)
        for reference in dict.fromkeys(self._shelves()):
            try:
                yield from self._shelf(reference, seen)
            except AwsRefused as error:
                yield _unseen(reference.name, error)
        yield from self._sharing(seen)

    def functions(self) -> Iterator[Finding]:
        """Every function of this stage, several at a time."""
        from concurrent.futures import ThreadPoolExecutor

        self._lambda.connect()
        with ThreadPoolExecutor(_THREADS) as pool:
            for found in pool.map(self._function, self.project.functions):
                yield from found

    def _references(self) -> Iterator[Reference]:
        for function in self.project.functions:
            text = stage_repository(function, self.stage)
            if text is not None and self._package(function) != "zip":
                found = repository_of(text, lambda: self.who.registry)
                yield Reference(registry=found.registry, repository=found.repository)

    def _shelves(self) -> Iterator[Reference]:
        """Those of ECR's repositories in which layers are shared."""
        for function in self.project.functions:
            text = layer_repository_of(function, self.stage)
            if text is not None and self._package(function) != "zip":
                found = repository_of(text, lambda: self.who.registry)
                if found.ecr is not None:
                    yield found

    def _shelf(self, reference: Reference, seen: list[Repository]) -> Iterator[Finding]:
        ecr, name = open_ecr(reference, self.workshop.environ), reference.repository
        found = ecr.find(name)
        template = None if found else _allowed(partial(ecr.template_for, name))
        yield from diagnosis.of_shelf(reference, found, template)
        if found is not None and found not in seen:
            seen.append(found)
        yield from diagnosis.of_cache(reference, bool(_allowed(partial(ecr.is_cache, name))))

    def _repository(self, reference: Reference, seen: list[Repository]) -> Iterator[Finding]:
        ecr, name = open_ecr(reference, self.workshop.environ), reference.repository
        found = ecr.find(name)
        template = None if found else _allowed(partial(ecr.template_for, name))
        yield from diagnosis.of_repository(reference, found, template)
        if found is None:
            return
        seen.append(found)
        yield from diagnosis.of_policy(reference, ecr.policy(name), self.who.account)
        yield from diagnosis.of_lifecycle(reference, _allowed(partial(ecr.lifecycle, name)))
        yield from diagnosis.of_cache(reference, bool(_allowed(partial(ecr.is_cache, name))))

    def _sharing(self, seen: Sequence[Repository]) -> Iterator[Finding]:
        """Repositories of one registry: these, and those that bases and extensions lie in."""
        for account, region in dict.fromkeys((one.account, one.region) for one in seen):
            host = Reference(registry=registry_host(account, region), repository="any")
            ecr = open_ecr(host, self.workshop.environ)
            group = [one for one in seen if (one.account, one.region) == (account, region)]
            names = {one.repository for one in self.lock.references() if one.ecr == host.ecr}
            below = sorted(names - {one.name for one in group})
            found = (_allowed(partial(ecr.find, name)) for name in below)
            group += [one for one in found if one is not None]
            if len(group) > 1:
                yield from self._mounts(ecr, group)

    def _mounts(self, ecr: Ecr, group: Sequence[Repository]) -> Iterator[Finding]:
        try:
            yield from diagnosis.of_sharing(group, ecr.mounts_blobs())
        except AwsRefused as error:
            where = f"{ecr.account} in {ecr.region}"
            yield Finding(where=where, what=error.what, state="advice", hint=error.hint)

    def _function(self, function: FunctionConfig) -> tuple[Finding, ...]:
        settings = for_stage(function, self.stage)
        name = settings.name or function.name
        where = f"{name} ({self.stage.name})" if self.stage else name
        deploy = f"imagekit deploy {function.name}"
        deploy += f" --stage {self.stage.name}" if self.stage else ""
        try:
            found = self._lambda.get(name)
            wanted = (self._package(function), function.architectures)
            findings = list(diagnosis.of_function(where, found, wanted, deploy))
            alias = self.stage.alias if self.stage else None
            if found is not None and alias:
                there = self._lambda.alias(name, alias)
                findings += diagnosis.of_alias(where, alias, there, deploy)
            if function.packaging == "zip-s3":
                findings += diagnosis.of_packages(where, function.bucket, self.who.region)
        except AwsRefused as error:
            return (_unseen(where, error),)
        return tuple(findings)

    @cached_property
    def _lambda(self) -> Functions:
        from imagekit.aws.functions import Functions

        return Functions(self.workshop.environ, sleep=time.sleep)

    def _package(self, function: FunctionConfig) -> str | None:
        """What is built of it, as far as that was decided."""
        if function.packaging != "auto":
            return package_type(function.packaging)
        pins = (self.lock.packaging(function.name, one) for one in function.architectures)
        return next((str(pin.packaging) for pin in pins if pin is not None), None)


def _unseen(where: str, error: RemoteRefused) -> Finding:
    cause = f": {error.__cause__}" if error.__cause__ else ""
    return Finding(where=where, what=f"{error.what}{cause}", state="unseen", hint=error.hint)


def _allowed(call: Callable[[], T]) -> T | None:
    """What a look gives that a release can do without; None where it is not allowed."""
    try:
        return call()
    except AwsRefused:
        return None
