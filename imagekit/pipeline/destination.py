"""Where an image is pushed to: the repository and the tags, from options and configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from imagekit.model.errors import Problem, UsageError
from imagekit.model.reference import DOCKER_HUB, Reference
from imagekit.pipeline.request import Outputs
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.config import FunctionConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A repository and the tags that the image gets there, at least one."""

    repository: Reference
    tags: tuple[str, ...]

    @property
    def first(self) -> Reference:
        """The repository with the tag that the image before this one has, too."""
        return self.repository.tagged(self.tags[0])


def destination(
    function: FunctionConfig,
    plan: BuildPlan,
    outputs: Outputs,
    *,
    several: bool,
    home: Callable[[], str],
) -> Destination:
    """Where this image goes; `several` architectures are several tags (decision 11).

    `home` gives the host of the caller's own ECR; it is asked only for a bare repository name.
    UsageError where nothing says a repository, or where it is none.
    """
    text = outputs.to or function.repository
    if text is None:
        raise UsageError(
            what=f"nothing says where to push {function.name}",
            hint="add `repository` to the configuration, or `--to REPOSITORY`",
        )
    try:
        found = Reference.parse(text)
    except ValueError as error:
        raise UsageError(what=str(error), hint="a repository is HOST/NAME[:TAG]") from error
    if found.registry == DOCKER_HUB and not text.startswith(f"{DOCKER_HUB}/"):
        found = Reference.parse(f"{home()}/{text}")
    tags = outputs.tags or ((found.tag,) if found.tag else ())
    return Destination(
        repository=found,
        tags=tuple(f"{tag}-{plan.target.architecture}" if several else tag for tag in tags)
        or (f"imagekit-{function.name}-{plan.target.architecture}",),
    )


def refuse_collisions(destinations: Iterable[tuple[str, Destination]]) -> None:
    """Two artefacts under one tag would leave only the later one: UsageError naming both."""
    taken: dict[tuple[str, str], str] = {}
    problems: list[Problem] = []
    for name, found in destinations:
        for tag in found.tags:
            other = taken.setdefault((found.repository.name, tag), name)
            if other != name:
                where = f"{found.repository.name}:{tag}"
                problems.append(Problem(where, f"{other} and {name} would both be pushed there"))
    if problems:
        raise UsageError(
            what="; ".join(f"{problem.where}: {problem.what}" for problem in problems),
            hint="put `{function}` into `repository`, or leave `--tag` out",
        )
