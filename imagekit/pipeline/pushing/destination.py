"""Where an image is pushed to: the repository and the tags, from options and configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from imagekit.model.ecr import MOVING
from imagekit.model.errors import Problem, UsageError
from imagekit.model.reference import DOCKER_HUB, Reference, is_tag
from imagekit.model.target import Architecture
from imagekit.pipeline.request import Outputs
from imagekit.project.config import FunctionConfig

FUNCTION = "{function}"
_ECR_NAME = (2, 256)
"""lambda_rules E21."""


class Destination(Struct, frozen=True, kw_only=True):
    """A repository and the tags that the image gets there, at least one."""

    repository: Reference
    tags: tuple[str, ...]
    moving: bool = False
    """The tag is imagekit's own, which names the newest image; nobody asked for it."""
    newest: str | None = None
    """imagekit's own tag, which names a function's newest image whatever its other tags."""

    @property
    def first(self) -> Reference:
        """The repository with the tag that the image before this one has, too."""
        return self.repository.tagged(self.tags[0])

    @property
    def before(self) -> tuple[Reference, ...]:
        """Where the image before this one may lie, the likeliest first (decision 4)."""
        tags = dict.fromkeys((self.newest, self.tags[0]))
        return tuple(self.repository.tagged(tag) for tag in tags if tag)


def destination(
    function: FunctionConfig,
    architecture: Architecture,
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
    found = repository_of(filled(text, function.name.lower()), home)
    asked = tuple(checked_tag(filled(tag, function.name)) for tag in outputs.tags)
    tags = asked or ((found.tag,) if found.tag else ())
    newest = f"{MOVING}{function.name}-{architecture}"
    return Destination(
        repository=found,
        tags=tuple(f"{tag}-{architecture}" if several else tag for tag in tags) or (newest,),
        newest=newest,
        moving=not tags,
    )


def filled(text: str, function: str) -> str:
    """`text` with the function's name in place of `{function}`; UsageError for other braces."""
    done = text.replace(FUNCTION, function)
    if "{" in done or "}" in done:
        raise UsageError(
            what=f"{text!r} has a placeholder that is not known", hint=f"{FUNCTION} is the only one"
        )
    return done


def checked_tag(tag: str) -> str:
    """The tag, if registries take it; UsageError otherwise."""
    if not is_tag(tag):
        raise UsageError(
            what=f"{tag!r} is not a tag",
            hint="a tag is up to 128 letters, digits, `.`, `_` and `-`, the first no `.` or `-`",
        )
    return tag


def repository_of(text: str, home: Callable[[], str]) -> Reference:
    """The repository that `text` names, with a tag where it names one; UsageError where it is none.

    A bare name is one of the caller's own ECR, whose host `home` gives.
    """
    try:
        found = Reference.parse(text)
    except ValueError as error:
        raise UsageError(what=str(error), hint="a repository is HOST/NAME[:TAG]") from error
    if found.registry == DOCKER_HUB and not text.startswith(f"{DOCKER_HUB}/"):
        found = Reference.parse(f"{home()}/{text}")
    if found.ecr and not _ECR_NAME[0] <= len(found.repository) <= _ECR_NAME[1]:
        shortest, longest = _ECR_NAME
        raise UsageError(
            what=f"{found.repository!r}: ECR's names have {shortest} to {longest} characters",
            hint="name it TEAM/FUNCTION, as in team/scoring",
        )
    return found


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
            hint="put `{function}` into `repository` or `--tag`, or leave `--tag` out",
        )
