"""`imagekit doctor --policy`: what a configuration needs of IAM, as a policy to paste."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence

from imagekit import __version__
from imagekit.aws.permissions import Needs, Place, least_policy
from imagekit.model.errors import RemoteRefused
from imagekit.pipeline.deploying.stages import at_stage
from imagekit.pipeline.pushing.destination import repository_of
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import ProjectConfig, Stage
from imagekit.project.config_stages import for_stage, layer_repository_of
from imagekit.project.config_stages import repository_of as stage_repository
from imagekit.project.imagekit_lock import NAME, read
from imagekit.project.read_config import load

_ANY = ("*", "*")


def show(workshop: Workshop, names: Sequence[str], stages: Sequence[str]) -> None:
    """Answer with the policy; a stage that is deployed by a role needs that role alone.

    Nothing but who the caller is is asked of AWS; without credentials the policy names every
    account and region, and that is said. Raises ConfigError, UsageError.
    """
    project = load(workshop.folder, tuple(names), version=__version__)
    needs = _needs(workshop, project, _stages(project, stages))
    workshop.console.answer(json.dumps(least_policy(needs), indent=2))


def _stages(project: ProjectConfig, asked: Sequence[str]) -> tuple[Stage | None, ...]:
    from imagekit.pipeline.deploying.stages import chosen

    return chosen(project, asked) if asked or not project.stages else project.stages


def _needs(workshop: Workshop, project: ProjectConfig, stages: Sequence[Stage | None]) -> Needs:
    repositories: list[Place] = []
    shelves: list[Place] = []
    functions: list[Place] = []
    roles: list[str] = []
    layers: list[str] = []
    packages: list[tuple[str, str]] = []
    for stage in stages:
        account, region = _place(workshop, stage)
        for function in project.functions:
            settings = for_stage(function, stage)
            functions.append((account, region, settings.name or function.name))
            roles += [settings.role] if settings.role else []
            layers += settings.layers or ()
            packages += [(account, region)] if function.packaging == "zip-layers" else []
            text = stage_repository(function, stage)
            repositories += _repository(text, account, region) if text else ()
            kept = layer_repository_of(function, stage)
            shelves += _repository(kept, account, region) if kept else ()
    return Needs(
        repositories=tuple(dict.fromkeys(repositories)),
        layers_kept=tuple(dict.fromkeys(shelves)),
        bases=tuple(dict.fromkeys(_bases(project))),
        functions=tuple(dict.fromkeys(functions)),
        roles=tuple(dict.fromkeys(roles)),
        assumed=tuple(stage.role_arn for stage in stages if stage and stage.role_arn),
        buckets=tuple(dict.fromkeys(one.bucket for one in project.functions if one.bucket)),
        layers=tuple(dict.fromkeys(layers)),
        packages=tuple(dict.fromkeys(packages)),
        settings=project.ecr,
    )


def _place(workshop: Workshop, stage: Stage | None) -> tuple[str, str]:
    """Account and region of a stage, as far as they can be known."""
    from imagekit.aws.identity import caller

    try:
        who = caller(at_stage(workshop, stage).environ, time.sleep)
    except RemoteRefused as error:
        named = f"stage {stage.name}" if stage else "the caller"
        workshop.console.say(f"warning: the account of {named} is not known ({error.what})")
        return _ANY[0], (stage.region if stage and stage.region else _ANY[1])
    return who.account, who.region


def _repository(text: str, account: str, region: str) -> Iterator[Place]:
    # A host that no registry has: what a bare name is put after.
    found = repository_of(text, lambda: "0" * 12 + ".dkr.ecr.eu-west-1.amazonaws.com")
    if found.ecr == ("0" * 12, "eu-west-1"):
        yield account, region, found.repository
    elif found.ecr:
        yield (*found.ecr, found.repository)


def _bases(project: ProjectConfig) -> Iterator[Place]:
    lock = read(project.root / NAME)
    for reference in lock.references() if lock else ():
        if reference.ecr:
            yield (*reference.ecr, reference.repository)
