"""What only Docker can do decides who makes an image, and that it is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import UsageError
from imagekit.plan.docker_steps import DockerSteps, choose_engine, decided_by_steps

NONE = DockerSteps()
SYSTEM = DockerSteps(system=("libgomp1", "libpq5"))
RUN = DockerSteps(run=("true", "false"))
TEMPLATE = DockerSteps(template=Path("deploy/Dockerfile.template"))


@pytest.mark.parametrize(
    ("asked", "steps", "engine"),
    [
        ("auto", NONE, "oci"),
        ("auto", SYSTEM, "docker"),
        ("auto", RUN, "docker"),
        ("auto", TEMPLATE, "docker"),
        ("oci", NONE, "oci"),
        ("docker", NONE, "docker"),
        ("docker", SYSTEM, "docker"),
    ],
)
def test_who_makes_the_image(asked: str, steps: DockerSteps, engine: str) -> None:
    """`auto` needs no Docker until something asks for what only Docker can do."""
    assert choose_engine(asked, "scoring", steps) == engine


@pytest.mark.parametrize("steps", [SYSTEM, RUN, TEMPLATE])
def test_without_docker_it_cannot_be_made(steps: DockerSteps) -> None:
    """Refused in plain words: nothing that was asked for is left out in silence."""
    with pytest.raises(UsageError) as raised:
        choose_engine("oci", "scoring", steps)

    assert "scoring asks for" in raised.value.what
    assert next(steps.words()) in raised.value.what
    assert raised.value.hint


def test_the_verdict_says_why() -> None:
    """`auto` takes an image, whatever the function weighs."""
    both = DockerSteps(system=SYSTEM.system, run=("true",))
    verdict = decided_by_steps(both)

    assert verdict.packaging == "image"
    assert verdict.why == (
        "only an image can be built with system packages (libgomp1, libpq5) and 1 run step"
    )
