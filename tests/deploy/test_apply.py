"""Applying: the order of the calls, and nothing where nothing differs."""

from __future__ import annotations

import itertools

from tests.deploy.world import NAME, World, image, with_settings


def test_order_is_code_wait_configuration_wait_version_alias(world: World) -> None:
    """Each step is waited for before the next, and the alias moves last (decision 10)."""
    world.deploy(image("one"))
    world.front.forget()
    world.deploy(with_settings(image("two"), memory=2048))

    operations = [name for name in world.front.operations() if name != "GetAlias"]
    changes = [name for name in operations if name not in ("GetFunction",)]
    assert changes == [
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "PublishVersion",
        "UpdateAlias",
    ]
    for before, after in itertools.pairwise(changes):
        begin, end = operations.index(before), operations.index(after)
        if before.startswith("Update") and before != "UpdateAlias":
            assert operations[begin + 1 : end].count("GetFunction") == 2, (before, operations)
    assert world.alias() == "2"


def test_nothing_differs_nothing_is_called(world: World) -> None:
    """The second time: three describe calls, and no other."""
    world.deploy(image("one"))
    world.front.forget()

    assert world.deploy(image("one")) == []
    assert world.front.operations() == ["GetFunction", "GetAlias", "GetFunction"]


def test_version_tells_where_it_comes_from(world: World) -> None:
    """`git … · base … · was …`; what is not known is left out."""
    world.deploy(image("one"))
    world.deploy(image("two"))

    notes = [one.description for one in world.place.functions.versions(NAME)]
    assert notes == [
        "git 1a2b3c4 · base 2026.11.18",
        "git 1a2b3c4 · base 2026.11.18 · was 1",
    ]
