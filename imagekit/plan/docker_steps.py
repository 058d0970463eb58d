"""What of a function only Docker can do, and which engine makes its image. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from imagekit.model.errors import UsageError
from imagekit.plan.packaging import Verdict

Engine = Literal["oci", "docker"]
ENGINES = ("auto", "oci", "docker")


class DockerSteps(Struct, frozen=True, kw_only=True):
    """What needs a program to be run in the image, or somebody's own Dockerfile."""

    system: tuple[str, ...] = ()
    """Packages of the base's own distribution."""
    run: tuple[str, ...] = ()
    """Shell commands."""
    template: Path | None = None
    """The project's own Dockerfile.template; None takes the one that imagekit ships."""

    @property
    def asked(self) -> bool:
        """Whether there is anything that only Docker can do."""
        return bool(self.system or self.run or self.template)

    def words(self) -> Iterator[str]:
        """What they are, each key with its values."""
        if self.system:
            yield f"system packages ({', '.join(self.system)})"
        if self.run:
            yield f"{len(self.run)} run step{'s' if len(self.run) > 1 else ''}"
        if self.template:
            yield f"a Dockerfile of its own ({self.template.name})"


NO_STEPS = DockerSteps()


def choose_engine(asked: str, function: str, steps: DockerSteps) -> Engine:
    """Who makes the image; `asked` is one of ENGINES. UsageError for oci where it cannot."""
    if asked == "oci" and steps.asked:
        raise UsageError(
            what=f"--engine oci runs no program in an image, and {function} asks for "
            f"{' and '.join(steps.words())}",
            hint="leave `--engine` out, or take these keys out of the configuration",
        )
    return "docker" if asked == "docker" or steps.asked else "oci"


def decided_by_steps(steps: DockerSteps) -> Verdict:
    """The verdict of `auto` for a function with such steps, whatever it weighs."""
    return Verdict(
        packaging="image", why=f"only an image can be built with {' and '.join(steps.words())}"
    )
