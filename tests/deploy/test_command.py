"""Functions that share an image name their handlers themselves, and never call another's."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from imagekit.deploy.wanted import Command
from tests.deploy.world import NAME, World, image, with_settings

OWN = Command(handler="app.two", image="app.two")
SHARED = Command(handler="app.two", image="app.one")


def shared(text: str, command: Command = SHARED, **settings: Any) -> Any:
    """An image whose command is another function's handler."""
    return with_settings(replace(image(text), command=command), **settings)


def said(world: World) -> list[str]:
    """What the function's published versions say in place of the image's command."""
    return [" ".join(one.command) for one in world.place.functions.versions(NAME)]


@pytest.mark.parametrize(
    ("command", "now", "over"),
    [
        (OWN, (), None),
        (SHARED, (), ("app.two",)),
        (SHARED, ("app.two",), None),
        (SHARED, ("app.renamed",), ("app.two",)),
        (OWN, ("app.renamed",), ("app.two",)),
        (SHARED, ("datadog_lambda.handler.handler",), None),
        (OWN, ("python", "-m", "wrapper"), None),
    ],
)
def test_what_has_to_be_said(
    command: Command, now: tuple[str, ...], over: tuple[str, ...] | None
) -> None:
    """Only where the image names another handler; a wrapper that somebody put round it stays."""
    assert command.over(now) == over


def test_made_with_its_own_handler(world: World) -> None:
    """There is no moment at which a new function calls another's."""
    done = world.deploy(shared("one"))

    (created,) = [one for one in world.front.seen if one.operation == "CreateFunction"]
    assert created.body["ImageConfig"] == {"Command": ["app.two"]}
    assert [step.partition(" ")[0] for step in done] == ["create", "publish", "create"]
    assert said(world) == ["app.two"]


def test_named_before_the_code_is_there(world: World) -> None:
    """`$LATEST` calls its own handler at every moment; further configuration comes after."""
    world.deploy(replace(image("one"), command=OWN))
    world.front.forget()
    world.deploy(shared("two", memory=2048))

    assert world.front.changes() == [
        "UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "PublishVersion",
        "UpdateAlias",
    ]
    first = next(one for one in world.front.seen if one.operation.endswith("Configuration"))
    assert {key for key in first.body if key != "RevisionId"} == {"ImageConfig"}
    assert said(world) == ["", "app.two"]
    world.front.forget()
    world.deploy(shared("two", memory=2048))
    assert world.front.changes() == []


def test_what_else_the_function_says_stays(world: World) -> None:
    """The API takes it whole: its entry point is sent along."""
    world.deploy(replace(image("one"), command=OWN))
    world.client("lambda").update_function_configuration(
        FunctionName=NAME, ImageConfig={"EntryPoint": ["/wrapper"], "WorkingDirectory": "/srv"}
    )
    world.place.functions.get(NAME)
    world.deploy(shared("one"))

    found = world.place.functions.get(NAME)
    assert found is not None
    assert dict(found.image_config) == {
        "Command": ("app.two",),
        "EntryPoint": ("/wrapper",),
        "WorkingDirectory": "/srv",
    }


def test_deleted_image_gets_its_code_first(world: World) -> None:
    """Lambda changes no configuration of a function whose image is gone (lambda_rules L14, L15)."""
    one = replace(image("one"), command=OWN)
    world.deploy(one)
    world.front.deleted.add(f"sha256:{one.sha256}")
    world.front.forget()
    world.deploy(shared("two", memory=2048))

    assert world.front.changes()[:2] == ["UpdateFunctionCode", "UpdateFunctionConfiguration"]
    assert said(world)[-1] == "app.two"
