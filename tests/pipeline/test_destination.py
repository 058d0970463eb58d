"""Where images are pushed to: repositories and tags."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import UsageError
from imagekit.pipeline.pushing.destination import Destination, destination, refuse_collisions
from imagekit.pipeline.request import Outputs
from imagekit.project.config import FunctionConfig


def function(repository: str | None = None) -> FunctionConfig:
    return FunctionConfig(name="scoring", handler="a.b", root=Path(), repository=repository)


def nobody() -> str:
    raise AssertionError("AWS was asked")


def where(
    repository: str | None, outputs: Outputs, *, several: bool = False
) -> tuple[str, tuple[str, ...]]:
    found = destination(function(repository), "arm64", outputs, several=several, home=nobody)
    return found.repository.name, found.tags


PUSH = Outputs(push=True)


def test_without_a_tag_the_tag_names_function_and_architecture() -> None:
    """The next build finds its layers under that tag (decision 4)."""
    assert where("r.example/team/a", PUSH) == ("r.example/team/a", ("imagekit-scoring-arm64",))


def test_options_go_before_the_configuration() -> None:
    """`--to` names another repository, with or without a tag."""
    outputs = Outputs(push=True, to="localhost:5000/other:1.0")

    assert where("r.example/a", outputs) == ("localhost:5000/other", ("1.0",))


def test_tags_are_all_put() -> None:
    """`--tag` may be given again; the first is asked for what is there."""
    outputs = Outputs(push=True, tags=("1.0", "latest"))
    found = destination(function("r.example/a"), "arm64", outputs, several=False, home=nobody)

    assert found.tags == ("1.0", "latest")
    assert str(found.first) == "r.example/a:1.0"


def test_several_architectures_are_several_tags() -> None:
    """A tag never becomes an index (decision 11)."""
    outputs = Outputs(push=True, tags=("1.0",))

    assert where("r.example/a", outputs, several=True)[1] == ("1.0-arm64",)
    assert where("r.example/a", PUSH, several=True)[1] == ("imagekit-scoring-arm64",)


def test_a_bare_name_lies_in_the_callers_own_ecr() -> None:
    """AWS is asked for account and region, and only then."""
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    found = destination(function("team/a"), "arm64", PUSH, several=False, home=lambda: host)

    assert found.repository.name == f"{host}/team/a"
    assert where("docker.io/team/a", PUSH)[0] == "docker.io/team/a"


def test_nowhere_to_push_says_what_to_add() -> None:
    """Both ways to say it are named."""
    with pytest.raises(UsageError) as refused:
        where(None, PUSH)

    assert refused.value.hint is not None
    assert "--to" in refused.value.hint


def test_two_artefacts_never_share_a_tag() -> None:
    """Only the later one would be left, silently."""
    one = destination(function("r.example/a:1"), "arm64", PUSH, several=False, home=nobody)
    other = Destination(repository=one.repository, tags=("1", "2"))

    with pytest.raises(UsageError) as refused:
        refuse_collisions([("scoring", one), ("other", other)])

    assert "scoring and other would both be pushed there" in refused.value.what
    refuse_collisions(
        [("scoring", one), ("other", Destination(repository=one.repository, tags=("2",)))]
    )
