"""The plan: a pure function of what is there and what is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from imagekit.deploy.actions import plan
from imagekit.deploy.words import words
from imagekit.model.function import AliasState, FunctionState, Observed
from imagekit.model.release import Code
from tests.deploy.world import NAME, ROLE, image, with_settings

ONE, TWO = image("one"), image("two")


def function(**values: Any) -> FunctionState:
    """`$LATEST` with the code of ONE."""
    kept: dict[str, Any] = {
        "name": NAME,
        "arn": f"arn:aws:lambda:eu-west-1:123456789012:function:{NAME}",
        "version": "$LATEST",
        "package": "image",
        "architecture": "x86_64",
        "code": ONE.sha256,
        "configuration": "as it was",
        "memory": 1024,
        "timeout": 30,
        "role": ROLE,
    }
    return FunctionState(**{**kept, **values})


LIVE = AliasState(name="live", version="41")
DONE = Observed(function=function(), alias=LIVE, serving=function(version="41"))


def steps(observed: Observed, wanted: Any) -> list[str]:
    """The plan in words, references left out."""
    found = (words(action) for action in plan(observed, wanted))
    return [text.partition(" (")[0].partition(" with ")[0].partition(" to 1")[0] for text in found]


def test_nothing_differs() -> None:
    """An empty plan, whatever is not named differs."""
    assert plan(DONE, ONE) == ()
    other = function(timeout=900, env=(("SECRET", "1"),), layers=(("arn", 1),), storage=4096)
    assert plan(replace(DONE, function=other, serving=replace(other, version="41")), ONE) == ()


def test_code_then_configuration_then_version_then_alias() -> None:
    """The order of decision 10."""
    assert steps(DONE, with_settings(TWO, memory=2048)) == [
        "update the code",
        "set memory 1024→2048",
        "publish a version",
        "move the alias live from 41 to that version",
    ]


def test_version_says_what_it_is_made_of() -> None:
    """What served before is the last word; what is unknown is left out."""
    told = [words(action) for action in plan(DONE, TWO) if "publish" in words(action)]
    assert told == ["publish a version (git 1a2b3c4 · base 2026.11.18 · was 41)"]


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (replace(DONE, alias=None), ["create the alias live at 41"]),
        (
            replace(DONE, alias=replace(LIVE, routing=(("42", 0.1),))),
            ["move the alias live from 41 to 41"],
        ),
        (
            replace(DONE, serving=function(version="41", code="old")),
            ["publish a version", "move the alias live from 41 to that version"],
        ),
        (replace(DONE, alias=replace(LIVE, version="40")), ["move the alias live from 40 to 41"]),
        (
            replace(DONE, function=function(update="Failed", update_code="InvalidImage")),
            ["update the code", "publish a version", "move the alias live from 41 to that version"],
        ),
        (
            replace(DONE, function=function(state="Inactive", state_code="ImageDeleted")),
            ["update the code", "publish a version", "move the alias live from 41 to that version"],
        ),
        (replace(DONE, function=function(state="Inactive", state_code="Idle")), []),
    ],
    ids=[
        "alias is missing",
        "canary was cut off",
        "not published yet",
        "alias was not moved",
        "last update failed",
        "image was deleted",
        "idle",
    ],
)
def test_goes_on_where_it_was(observed: Observed, expected: list[str]) -> None:
    """Only what is there counts: a deployment that was cut off is finished, none is done twice."""
    assert steps(observed, ONE) == expected


def test_only_what_is_named_is_set_and_env_is_merged() -> None:
    """A variable that somebody else set stays; values are never shown."""
    observed = replace(DONE, function=function(env=(("SECRET", "s3cret"), ("LEVEL", "INFO"))))
    wanted = with_settings(ONE, env=(("LEVEL", "DEBUG"),), timeout=60)
    actions = plan(observed, wanted)
    (configuration,) = [words(action) for action in actions if words(action).startswith("set")]

    assert configuration == "set timeout 30→60, env LEVEL"
    from imagekit.deploy.configuration import changes, fields

    assert fields(changes(observed.function, wanted.settings)) == {
        "Timeout": 60,
        "Environment": {"Variables": {"LEVEL": "DEBUG", "SECRET": "s3cret"}},
    }


def test_description_alone_makes_no_version() -> None:
    """It is not what a version runs."""
    assert steps(DONE, with_settings(ONE, description="Scores")) == [
        "set description nothing→Scores"
    ]


def test_every_key_in_lambdas_own_words() -> None:
    """As UpdateFunctionConfiguration takes them."""
    from imagekit.deploy.configuration import changes, fields

    wanted = with_settings(
        ONE,
        storage=1024,
        snapstart=True,
        layers=("arn:1",),
        description="d",
        role="arn:aws:iam::1:role/other",
    )

    assert fields(changes(function(), wanted.settings)) == {
        "EphemeralStorage": {"Size": 1024},
        "Role": "arn:aws:iam::1:role/other",
        "SnapStart": {"ApplyOn": "PublishedVersions"},
        "Layers": ["arn:1"],
        "Description": "d",
    }


def test_other_architecture_is_named_to_lambda() -> None:
    """Where `--anyway` moves the function (L21); otherwise the API keeps what it has."""
    from imagekit.deploy.actions import UpdateCode

    moved = plan(DONE, image("two", architecture="arm64"))[0]
    same = plan(DONE, TWO)[0]

    assert isinstance(moved, UpdateCode)
    assert isinstance(same, UpdateCode)
    assert (moved.architecture, same.architecture) == ("arm64", None)


def test_archive_goes_through_the_bucket_once() -> None:
    """Under a key that names its content: what is there is not sent again."""
    wanted = replace(
        ONE,
        package="zip",
        sha256="new",
        code=Code(bucket="team", key="imagekit/1.zip"),
        archive=Path("app.zip"),
    )
    zipped = replace(DONE, function=function(package="zip"))

    assert steps(zipped, wanted)[0] == "upload to s3://team/imagekit/1.zip"
    assert steps(replace(zipped, uploaded=True), wanted)[0].startswith("update the code to s3://")


def test_without_an_alias_the_version_is_the_last_step() -> None:
    """Callers of `$LATEST` have the code already."""
    assert steps(replace(DONE, alias=None), replace(TWO, alias=None)) == [
        "update the code",
        "publish a version",
    ]


def test_new_function_says_what_it_starts_with() -> None:
    """1024 MB and 30 s, unless the configuration says otherwise."""
    made = words(plan(Observed(), ONE)[0])
    assert "create the function (x86_64, 1024 MB, 30 s, as arn:" in made
    other = words(plan(Observed(), with_settings(ONE, memory=256, timeout=5))[0])
    assert "256 MB, 5 s" in other
