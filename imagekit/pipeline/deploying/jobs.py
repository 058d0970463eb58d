"""From functions and stages to what is wanted and what is there: describe calls only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from imagekit.deploy.layers import DIRECT_LIMIT_BYTES, of_others
from imagekit.deploy.observe import observe
from imagekit.deploy.refusals import Refusal, refusals
from imagekit.deploy.wanted import Command, Facts, Upload, Wanted
from imagekit.model.deployment import VersionNote
from imagekit.model.errors import CannotDeploy, Problem, UsageError
from imagekit.model.function import FunctionState, Observed
from imagekit.model.packaging import key_of, rest_path
from imagekit.model.release import Code
from imagekit.model.target import Architecture
from imagekit.pipeline.deploying.places import Spot
from imagekit.pipeline.deploying.request import DeployRequest
from imagekit.pipeline.deploying.sent import (
    Archive,
    FoundImage,
    Source,
    file_of,
    files_of,
    find_image,
    managed_runtime,
    newest,
    no_tag,
    others,
    read_archive,
)
from imagekit.pipeline.deploying.stages import naming
from imagekit.pipeline.parallel import each
from imagekit.pipeline.planning.others_layers import layer_bytes
from imagekit.project.config import FunctionConfig, LambdaSettings, ProjectConfig
from imagekit.project.config_stages import repository_of


class Job(Struct, frozen=True, kw_only=True):
    """One deployment, ready to go, and why it must not."""

    spot: Spot
    wanted: Wanted
    observed: Observed
    refusals: tuple[Refusal, ...]
    warning: str | None = None


class Coming(Struct, frozen=True, kw_only=True):
    """What a build will make for one function in one place, as far as that is known before."""

    source: Source
    made: FoundImage | Archive


class Preparing(Struct, frozen=True, kw_only=True):
    """Makes jobs of one run."""

    project: ProjectConfig
    request: DeployRequest
    coming: Callable[[Spot], Coming] | None = None
    """What is to run, where it is not made yet; None: it is, and is looked at."""

    def jobs(self, spots: Sequence[Spot]) -> tuple[Job, ...]:
        """All of them; CannotDeploy with every problem of every one, UsageError."""
        functions = {spot.function.name for spot in spots}
        if self.request.given is not None and len(functions) > 1:
            raise UsageError(
                what=f"--image and --zip are for one function, and these are {len(functions)}",
                hint="name the function",
            )
        found = each(self._looked, spots, self.request.jobs)
        jobs = tuple(one for one in found if isinstance(one, Job))
        refused = [(job.spot.label, refusal) for job in jobs for refusal in job.refusals]
        refuse(refused, [one for one in found if not isinstance(one, Job)])
        return jobs

    def _looked(self, spot: Spot) -> Job | CannotDeploy | UsageError:
        try:
            with naming(spot.stage):
                return self._job(spot)
        except (CannotDeploy, UsageError) as error:
            return error

    def _job(self, spot: Spot) -> Job:
        if self.coming is not None:
            coming = self.coming(spot)
            if isinstance(coming.made, Archive):
                return self._archive(spot, coming.source, coming.made)
            return self._found(spot, coming.source, coming.made)
        source = self._source(spot)
        if source.reference is not None:
            return self._image(spot, source, source.reference)
        return self._archive(spot, source, read_archive(source.path or Path()))

    def _source(self, spot: Spot) -> Source:
        function = spot.function
        given = self.request.sources.get(function.name) or self.request.given
        if given is not None:
            return given
        architecture: Architecture = function.architectures[0]
        if len(function.architectures) > 1 and (there := spot.place.functions.get(spot.name)):
            architecture = there.architecture
        return newest(spot.workshop, self.project.root, function, architecture)

    def _image(self, spot: Spot, source: Source, text: str) -> Job:
        own = spot.stage is not None and spot.stage.repository is not None
        repository = repository_of(spot.function, spot.stage) if own else None
        found = find_image(spot.workshop, text, repository, self.project.ecr.image_wait)
        if found is None:
            raise self._gone(spot, text, repository)
        return self._found(spot, source, found)

    def _found(self, spot: Spot, source: Source, found: FoundImage) -> Job:
        digest = found.reference.digest
        if digest is None:
            raise ValueError(f"{found.reference} has no digest")
        wanted = Wanted(
            package="image",
            architecture=found.architecture,
            digest=digest,
            sha256=digest.hex,
            code=Code(image=str(found.reference)),
            command=_command(spot.function, found.command),
            **self._common(spot, source),
        )
        facts = Facts(
            region=spot.place.functions.region,
            image_region=found.reference.ecr[1] if found.reference.ecr else None,
            elsewhere=_elsewhere(spot),
        )
        job = self._observed(spot, wanted, facts)
        if wanted.settings.snapstart and not found.snapstart:
            return replace(job, warning=_NO_LABEL.format(spot.label))
        return job

    def _gone(self, spot: Spot, text: str, repository: str | None) -> CannotDeploy:
        at_home = repository is not None and find_image(spot.workshop, text, None, 0) is not None
        where, hint = repository, f"imagekit promote {text} {repository}"
        if not at_home:
            named = self.request.given is not None
            where = f"its registry{no_tag(spot.workshop, text)}"
            hint = f"imagekit build --push {spot.function.name}"
            hint = others(spot.workshop, text) if named else hint
        return CannotDeploy(problems=(Problem(spot.label, f"{text} is not in {where}"),), hint=hint)

    def _archive(self, spot: Spot, source: Source, archive: Archive) -> Job:
        bucket = spot.function.bucket
        through_bucket = bucket is not None and archive.size_bytes > DIRECT_LIMIT_BYTES
        layers = files_of(spot.workshop, archive)
        key = f"imagekit/{archive.digest.hex}.zip"
        upload, is_here = _rest(spot, archive)
        wanted = Wanted(
            package="zip",
            architecture=source.architecture,
            digest=archive.digest,
            sha256=archive.sha256,
            code=Code(bucket=bucket, key=key) if through_bucket else Code(file=archive.path),
            archive=archive.path,
            rest=upload,
            layers=layers,
            bucket=bucket,
            runtime=managed_runtime(spot.function),
            handler=spot.function.handler,
            **self._common(spot, source),
        )
        facts = Facts(
            region=spot.place.functions.region,
            size_bytes=archive.size_bytes,
            unzipped_bytes=archive.unzipped_bytes,
            rest_is_here=is_here,
        )
        return self._observed(spot, wanted, facts)

    def _common(self, spot: Spot, source: Source) -> dict[str, Any]:
        return {
            "name": spot.name,
            "settings": settings_of(spot, self.request),
            "alias": alias_of(spot, self.request),
            "note": VersionNote(commit=source.commit, base=source.base),
            "create": self.request.create,
            "anyway": self.request.anyway,
        }

    def _observed(self, spot: Spot, wanted: Wanted, facts: Facts) -> Job:
        observed = observe(spot.place, wanted, wait=not self.request.dry_run)
        if wanted.package == "zip":
            facts = replace(facts, layer_bytes=_layers(spot, wanted, observed.function))
        today = datetime.now(UTC).date()
        return Job(
            spot=spot,
            wanted=wanted,
            observed=observed,
            refusals=refusals(observed, wanted, facts, today),
        )


_NO_LABEL = (
    "warning: {}: the image lacks the label that SnapStart asks of an own base"
    "; build it again with `lambda.snapstart = true`"
)


def _command(function: FunctionConfig, said: tuple[str, ...]) -> Command | None:
    """The handler to call, of an image that names one of this project's for itself."""
    if len(said) != 1 or said[0] not in function.commands:
        return None
    return Command(handler=function.handler, image=said[0])


def _layers(
    spot: Spot, wanted: Wanted, function: FunctionState | None
) -> tuple[tuple[str, int], ...]:
    """ARN or name and bytes of every layer that the function will have; 0 where nobody says."""
    theirs = ((arn, layer_bytes(spot, arn)) for arn in of_others(function, wanted))
    return (*theirs, *((layer.name, layer.unzipped_bytes) for layer in wanted.layers))


def _rest(spot: Spot, archive: Archive) -> tuple[Upload | None, bool]:
    """What goes into a bucket for the archive's loader, and whether it is on this disk."""
    rest = archive.rest
    if rest is None or rest.bucket is None or rest.digest is None:
        return None, True
    file = file_of(spot.workshop, rest, archive.path)
    path = file or rest_path(archive.path)
    return Upload(rest.bucket, key_of(rest.digest), path, rest.digest), file is not None


def _elsewhere(spot: Spot) -> bool:
    from imagekit.aws.account import endpoint

    return endpoint(spot.workshop.environ, "LAMBDA") is not None


def alias_of(spot: Spot, request: DeployRequest) -> str | None:
    """The alias that is moved there: the command line's, else the stage's."""
    return request.alias or (spot.stage.alias if spot.stage else None)


def settings_of(spot: Spot, request: DeployRequest) -> LambdaSettings:
    """The configuration of the function there, with the role that the command line names."""
    if request.role is None:
        return spot.settings
    return replace(spot.settings, role=spot.settings.role or request.role)


def refuse(
    refused: Sequence[tuple[str, Refusal]], errors: Sequence[CannotDeploy | UsageError] = ()
) -> None:
    """Raise everything that speaks against deploying, each with whose it is; what the user gave
    first."""
    wrong = [error for error in errors if isinstance(error, UsageError)]
    if wrong:
        told = dict.fromkeys(error.what for error in wrong)
        raise UsageError(what="\n  ".join(told), hint=wrong[0].hint)
    missing = [error for error in errors if isinstance(error, CannotDeploy)]
    problems = (
        *(problem for error in missing for problem in error.problems),
        *(Problem(label, refusal.what) for label, refusal in refused),
    )
    hints = [*(error.hint for error in missing), *(refusal.hint for _, refusal in refused)]
    if problems:
        raise CannotDeploy(problems=problems, hint=hints[0])
