"""Versions that nobody has called: made without disturbing anybody, deleted in the end."""

from __future__ import annotations

import pytest

from imagekit.deploy.fresh import NOTE, VARIABLE, fresh_versions
from imagekit.model.errors import AwsRefused, RemoteRefused, UpdateFailed
from tests.deploy.world import NAME, World, image
from tests.services.lambda_front import Fault

ONE = image("one")


@pytest.fixture
def deployed(world: World) -> World:
    """A function with an alias on a version, and a variable."""
    world.deploy(ONE)
    world.client("lambda").update_function_configuration(
        FunctionName=NAME, Environment={"Variables": {"KEPT": "yes"}}
    )
    world.place.functions.get(NAME)
    world.front.forget()
    return world


def env(world: World) -> dict[str, str]:
    found = world.place.functions.get(NAME)
    assert found is not None
    return dict(found.env)


def test_each_is_new_and_nobody_notices(deployed: World) -> None:
    """Aliases and published versions stay; `$LATEST` is as before while they are called."""
    before, alias = deployed.versions(), deployed.alias()
    with fresh_versions(deployed.place, NAME, 2, "mark") as versions:
        assert len(set(versions)) == 2
        assert not set(versions) & set(before)
        assert env(deployed) == {"KEPT": "yes"}
        assert deployed.alias() == alias

    assert deployed.versions() == before
    assert env(deployed) == {"KEPT": "yes"}
    assert deployed.alias() == alias
    assert "UpdateAlias" not in deployed.front.changes()


def test_they_run_with_the_functions_own_variables(deployed: World) -> None:
    """All that the function has, and one that makes the version another one."""
    with fresh_versions(deployed.place, NAME, 1, "mark") as (version,):
        found = deployed.place.functions.get(NAME, version)

        assert found is not None
        assert dict(found.env) == {"KEPT": "yes", VARIABLE: "mark-0"}
        assert found.description == NOTE


def test_trouble_while_measuring_leaves_nothing_behind(deployed: World) -> None:
    """Ctrl-C, too: the versions go."""
    before = deployed.versions()
    with pytest.raises(KeyboardInterrupt), fresh_versions(deployed.place, NAME, 2, "mark"):
        raise KeyboardInterrupt

    assert deployed.versions() == before


def requests_of_the_first(world: World) -> int:
    """How many requests there are until the first version is published."""
    world.front.forget()
    with fresh_versions(world.place, NAME, 1, "count"):
        return world.front.operations().index("PublishVersion") + 1


@pytest.mark.parametrize("operation", ["UpdateFunctionConfiguration", "PublishVersion"])
def test_a_refusal_half_way_puts_everything_back(deployed: World, operation: str) -> None:
    """Lambda refuses the second of them: the first is deleted, the variables are as before."""
    before, first = deployed.versions(), requests_of_the_first(deployed)
    deployed.front.forget()
    deployed.front.faults.append(Fault(operation=operation, at=first, status=400, code="No"))
    with (
        pytest.raises(AwsRefused),
        fresh_versions(deployed.place, NAME, 2, "mark"),
    ):
        raise AssertionError("nothing is called")

    assert deployed.front.operations().count("DeleteFunction") == 1
    assert deployed.versions() == before
    assert env(deployed) == {"KEPT": "yes"}


def test_deleting_is_tried_again(deployed: World) -> None:
    """A connection that breaks after Lambda took the request leaves nothing behind, either."""
    before = deployed.versions()
    with fresh_versions(deployed.place, NAME, 2, "mark"):
        deployed.front.faults.append(Fault(operation="DeleteFunction", hang_up="after"))

    assert deployed.versions() == before


def test_what_a_killed_run_left_is_cleared_away(deployed: World) -> None:
    """Its variable and its versions are gone after the next run; nobody else's are."""
    before = deployed.versions()
    with fresh_versions(deployed.place, NAME, 1, "killed"):
        client = deployed.client("lambda")
        client.update_function_configuration(
            FunctionName=NAME, Environment={"Variables": {"KEPT": "yes", VARIABLE: "killed-1"}}
        )
        deployed.place.functions.get(NAME)
        left = client.publish_version(FunctionName=NAME, Description=NOTE)["Version"]
        assert left in deployed.versions()
    with fresh_versions(deployed.place, NAME, 1, "again"):
        assert left not in deployed.versions()

    assert deployed.versions() == before
    assert env(deployed) == {"KEPT": "yes"}


def test_an_update_that_fails_is_told_in_lambdas_words(deployed: World) -> None:
    """The reason comes from Lambda, and nothing stays behind."""
    deployed.front.failures[NAME] = ("EniLimitExceeded", "no more interfaces")
    before = deployed.versions()
    with (
        pytest.raises(UpdateFailed, match="EniLimitExceeded"),
        fresh_versions(deployed.place, NAME, 1, "mark"),
    ):
        raise AssertionError("nothing is called")

    assert deployed.versions() == before


def test_a_function_that_is_not_there(world: World) -> None:
    """Nothing is changed where there is nothing."""
    with (
        pytest.raises(RemoteRefused, match="there is no function scoring"),
        fresh_versions(world.place, NAME, 1, "mark"),
    ):
        raise AssertionError("nothing is called")


def test_only_a_version_can_be_deleted(deployed: World) -> None:
    """Without a number the same call would delete the whole function."""
    for version in ("", "$LATEST", "live"):
        with pytest.raises(ValueError, match="not a published version"):
            deployed.place.functions.delete_version(NAME, version)
    assert deployed.front.changes() == []
