"""`uv.lock`, read through uv."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imagekit.model.errors import LockError
from imagekit.model.package import Artifact, Directory
from imagekit.project.locks import find, resolve
from imagekit.project.uv import Uv
from tests.locks.world import World, files, make_world, names, pyproject, target
from tests.services.wheels import make_wheel

GROUPS = """
[project.optional-dependencies]
fast = ["accelerate"]
[dependency-groups]
aws = ["boto"]
dev = ["linter"]
"""


@pytest.fixture
def grouped(world: World) -> World:
    for name in ("plain", "accelerate", "boto", "linter"):
        world.wheel(name)
    world.write("pyproject.toml", pyproject("plain", more=GROUPS))
    world.lock()
    return world


def test_default_groups_stay_out(grouped: World) -> None:
    """A function gets the project's dependencies; `dev`, uv's default group, is not among them."""
    assert names(grouped.resolve()) == ["plain"]


def test_groups_and_extras_are_added(grouped: World) -> None:
    """`groups` and `extras` say which further parts of the lock the function gets."""
    function = grouped.function(groups=("aws",), extras=("fast",))

    assert names(grouped.resolve(function)) == ["accelerate", "boto", "plain"]


@pytest.mark.parametrize(
    ("groups", "extras", "member", "words"),
    [
        (("nope",), (), None, "no dependency group 'nope'; there is: aws, dev"),
        ((), ("nope",), None, "no extra 'nope'; there is: fast"),
        ((), (), "nope", "no member 'nope'"),
    ],
)
def test_parts_that_are_not_there_are_named(
    grouped: World, groups: tuple[str, ...], extras: tuple[str, ...], member: str, words: str
) -> None:
    """A group, extra or member that the lock has not is the user's input to correct."""
    function = grouped.function(groups=groups, extras=extras, member=member)

    with pytest.raises(LockError) as caught:
        grouped.resolve(function)

    assert words in "\n".join(caught.value.problems)


def test_a_stale_lock_is_refused(grouped: World) -> None:
    """Dependencies that changed after the lock stop the build, with what to type."""
    grouped.resolve()
    grouped.write("pyproject.toml", pyproject("plain", "boto", more=GROUPS))

    with pytest.raises(LockError) as caught:
        grouped.resolve()

    assert caught.value.hint == "uv lock"
    assert caught.value.path == grouped.project / "uv.lock"


def test_frozen_in_the_environment_hides_nothing(grouped: World) -> None:
    """A stale lock is noticed though the user's UV_FROZEN asks uv not to look."""
    grouped.write("pyproject.toml", pyproject("plain", "boto", more=GROUPS))
    uv = Uv(environ=grouped.environ() | {"UV_FROZEN": "1"}, folder=grouped.project)
    function = grouped.function()

    with pytest.raises(LockError):
        lock = find(function, grouped.project)
        resolve(lock, function, target(), store=grouped.store, uv=uv)


@pytest.mark.parametrize("variable", ["UV_PROJECT", "UV_WORKING_DIR"])
def test_uv_is_not_sent_elsewhere(grouped: World, tmp_path: Path, variable: str) -> None:
    """The lock that was found is the one that is exported, whatever project uv is told to use."""
    elsewhere = make_world(tmp_path / "elsewhere")
    elsewhere.write("pyproject.toml", pyproject())
    elsewhere.lock()
    environ = grouped.environ() | {variable: str(elsewhere.project)}
    function = grouped.function()
    uv = Uv(environ=environ, folder=grouped.project, python=sys.executable)

    lock = find(function, grouped.project)
    found = resolve(lock, function, target(), store=grouped.store, uv=uv)

    assert names(found) == ["plain"]


def test_an_unreadable_lock_is_named(grouped: World) -> None:
    """A lock that is no TOML is said to be that, with its path."""
    grouped.write("uv.lock", "version = [")

    with pytest.raises(LockError) as caught:
        grouped.resolve()

    assert caught.value.path.name == "uv.lock"
    assert "not TOML" in caught.value.problems[0]


def test_one_lock_serves_both_architectures(world: World) -> None:
    """The wheel is the target's, whatever machine this runs on."""
    for machine in ("x86_64", "aarch64"):
        for tag in ("cp311-cp311", "cp313-cp313"):
            world.wheel("fast", tag=f"{tag}-manylinux_2_28_{machine}")
    world.wheel("fast", tag="cp313-cp313-macosx_11_0_arm64")
    world.write("pyproject.toml", pyproject("fast"))
    world.lock()

    found = {
        arch: files(world.resolve(target=target(arch)))["fast"] for arch in ("x86_64", "arm64")
    }

    assert found == {
        "x86_64": "fast-1.0-cp313-cp313-manylinux_2_28_x86_64.whl",
        "arm64": "fast-1.0-cp313-cp313-manylinux_2_28_aarch64.whl",
    }


def test_markers_are_the_targets(world: World) -> None:
    """Markers of machine, system and Python are evaluated for the target, not for this host."""
    for name in ("arm", "intel", "mac", "old", "new"):
        world.wheel(name)
    world.write(
        "pyproject.toml",
        pyproject(
            'arm; platform_machine == "aarch64"',
            'intel; platform_machine == "x86_64"',
            'mac; sys_platform == "darwin"',
            'old; python_version < "3.12"',
            'new; python_full_version >= "3.12.0"',
        ),
    )
    world.lock()

    assert names(world.resolve(target=target("arm64", "3.13"))) == ["arm", "new"]
    assert names(world.resolve(target=target("x86_64", "3.11"))) == ["intel", "old"]


WORKSPACE = """
[tool.uv.workspace]
members = ["functions/*", "libs/*"]
"""


@pytest.fixture
def workspace(world: World) -> World:
    """A root with two functions; one needs a library of the workspace and a path dependency."""
    for name in ("web", "numbers", "plain"):
        world.wheel(name)
    world.write("pyproject.toml", pyproject("plain", more=WORKSPACE))
    world.own("libs/shared", "shared", more='dependencies = ["numbers"]')
    world.own("beside", "beside")
    world.own(
        "functions/scoring",
        "score",
        more='dependencies = ["shared", "beside"]\n[tool.uv.sources]\n'
        'shared = { workspace = true }\nbeside = { path = "../../beside" }\n',
    )
    world.own("functions/site", "site-fn", more='dependencies = ["web"]')
    world.lock()
    return world


def test_a_member_gets_its_own_part(workspace: World) -> None:
    """`member` chooses; other members it needs and path dependencies are folders, it is not."""
    found = workspace.resolve(workspace.function(member="score"))

    assert files(found) == {
        "beside": "Directory",
        "numbers": "numbers-1.0-py3-none-any.whl",
        "shared": "Directory",
    }
    places = {p.name: p.origin for p in found.packages if isinstance(p.origin, Directory)}
    assert places["shared"] == Directory(workspace.project / "libs" / "shared")
    assert places["beside"] == Directory(workspace.project / "beside")


def test_the_functions_folder_says_the_member(workspace: World) -> None:
    """Without `member`, a function in a member's folder gets that member's dependencies."""
    found = workspace.resolve(workspace.function("functions/site"))

    assert names(found) == ["web"]
    assert names(workspace.resolve()) == ["plain"]


def test_a_new_member_makes_the_lock_stale(workspace: World) -> None:
    """A folder that became a member is noticed though no file that the lock names changed."""
    workspace.resolve()
    workspace.own("libs/another", "another")

    with pytest.raises(LockError):
        workspace.resolve()


def test_a_project_that_is_no_member_is_refused(workspace: World) -> None:
    """A project below the lock that the lock does not know gets no other project's packages."""
    workspace.own("tools/helper", "helper")

    with pytest.raises(LockError) as caught:
        workspace.resolve(workspace.function("tools/helper"))

    assert "is not in it" in caught.value.problems[0]


def test_a_wheel_exchanged_under_its_name_is_noticed(world: World) -> None:
    """uv.lock has no hash of files in a find-links folder: the kept answer follows the file."""
    path = world.wheel("plain")
    world.write("pyproject.toml", pyproject("plain"))
    world.lock()
    (before,) = world.resolve().packages

    path.unlink()
    make_wheel(world.wheels, "plain", "1.0", {"plain.py": b"OTHER = True\n"})
    (after,) = world.resolve().packages

    assert isinstance(before.origin, Artifact)
    assert isinstance(after.origin, Artifact)
    assert before.origin.digest != after.origin.digest
