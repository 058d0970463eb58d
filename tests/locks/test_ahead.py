"""Many functions of one lock: uv is asked once for each selection, for several at once."""

from __future__ import annotations

import pytest

from imagekit.project.config import FunctionConfig
from imagekit.project.locks import LockFile, export_ahead, find, resolve
from tests.locks.world import World, names, pyproject, target

GROUPS = "[dependency-groups]\na = ['one']\nb = ['two']\n"


@pytest.fixture
def locked(world: World) -> World:
    for name in ("plain", "one", "two"):
        world.wheel(name)
    world.write("pyproject.toml", pyproject("plain", more=GROUPS))
    world.lock()
    return world


def exports(world: World) -> int:
    return sum("export" in call for call in world.calls())


def ahead(world: World, lock: LockFile, *functions: FunctionConfig) -> None:
    questions = [(lock, function, target(python="3.13"), world.uv()) for function in functions]
    export_ahead(questions, world.store)


def resolved(world: World, lock: LockFile, function: FunctionConfig) -> list[str]:
    """The packages, by the lock whose answers are here already."""
    return names(resolve(lock, function, target(), store=world.store, uv=world.uv()))


def test_each_selection_is_exported_once(locked: World) -> None:
    """Functions that select the same share the answer; planning them then asks uv nothing."""
    a, b = locked.function(groups=("a",)), locked.function(groups=("b",))
    lock = find(a, locked.project)
    ahead(locked, lock, a, b, a, b, b)

    assert exports(locked) == 2
    assert resolved(locked, lock, a) == ["one", "plain"]
    assert resolved(locked, lock, b) == ["plain", "two"]
    assert exports(locked) == 2


def test_what_an_earlier_run_asked_is_not_asked_again(locked: World) -> None:
    """A run without changes starts no program; after a change of the lock uv is asked anew."""
    a, b = locked.function(groups=("a",)), locked.function(groups=("b",))
    ahead(locked, find(a, locked.project), a, b)
    ahead(locked, find(a, locked.project), a, b)
    assert exports(locked) == 2

    locked.write("pyproject.toml", pyproject("plain", "one", more=GROUPS))
    locked.lock()
    ahead(locked, find(a, locked.project), a, b)
    assert exports(locked) == 4


def test_a_single_selection_is_left_to_its_turn(locked: World) -> None:
    """There is nothing to do at once."""
    a = locked.function(groups=("a",))
    ahead(locked, find(a, locked.project), a, a)

    assert exports(locked) == 0


def test_what_goes_wrong_is_told_by_who_plans(locked: World) -> None:
    """One function's unknown group stops neither the others nor the word about it later."""
    a, wrong = locked.function(groups=("a",)), locked.function(groups=("nope",))
    lock = find(a, locked.project)
    ahead(locked, lock, a, wrong)

    assert resolved(locked, lock, a) == ["one", "plain"]
    with pytest.raises(Exception, match="nope"):
        resolved(locked, lock, wrong)


def test_other_kinds_of_lock_are_none_of_uvs(world: World) -> None:
    """A requirements.txt is compiled when its function is planned."""
    world.write("requirements.txt", "plain==1.0\n")
    function = world.function()
    ahead(world, find(function, world.project), function, world.function(groups=("a",)))

    assert world.calls() == []


def test_functions_with_the_same_requirements_are_resolved_together(world: World) -> None:
    """One run of uv for each question, however many functions ask it."""
    world.wheel("plain")
    world.write("requirements.txt", "plain\n")
    lock = find(world.function(), world.project)

    assert resolved(world, lock, world.function()) == ["plain"]
    ran = len(world.calls())
    assert resolved(world, lock, world.function()) == ["plain"]
    assert len(world.calls()) == ran
