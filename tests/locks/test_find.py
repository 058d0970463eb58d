"""Which lock a function has."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import LockError
from imagekit.project.locks import LockFile, find, passed_over
from tests.locks.world import World, pyproject


def test_the_order_of_kinds(world: World) -> None:
    """uv.lock, pylock, poetry's or pdm's lock, requirements.txt, and last bare dependencies."""
    world.write("pyproject.toml", pyproject("plain"))
    found = []
    names = ("", "requirements.txt", "pdm.lock", "pylock.dev.toml", "pylock.toml", "uv.lock")
    for name in names:
        if name:
            world.write(name, "")
        lock = find(world.function(), world.project)
        found.append((lock.kind, lock.path.name))

    assert found == [
        ("project", "pyproject.toml"),
        ("requirements", "requirements.txt"),
        ("pdm", "pdm.lock"),
        ("pylock", "pylock.dev.toml"),
        ("pylock", "pylock.toml"),
        ("uv", "uv.lock"),
    ]


def test_a_pylock_named_after_the_function_is_its_own(world: World) -> None:
    """pylock.scoring.toml is for scoring, whatever other pylocks lie beside it."""
    for name in ("pylock.toml", "pylock.scoring.toml", "pylock.site.toml"):
        world.write(name, "")

    assert find(world.function(), world.project).path.name == "pylock.scoring.toml"


def test_several_named_pylocks_need_a_choice(world: World) -> None:
    """imagekit does not guess between pylock.a.toml and pylock.b.toml."""
    world.write("pylock.a.toml", "")
    world.write("pylock.b.toml", "")

    with pytest.raises(LockError) as caught:
        find(world.function(), world.project)

    assert "pylock.scoring.toml" in str(caught.value.hint)


def test_upwards_to_the_root_of_the_workspace(world: World) -> None:
    """A function's folder without a lock has the nearest one above it."""
    world.write("functions/pylock.toml", "")
    world.write("uv.lock", "")
    world.write("functions/scoring/pyproject.toml", pyproject("plain"))

    found = find(world.function("functions/scoring"), world.project)

    assert found == LockFile("pylock", world.project / "functions" / "pylock.toml")


@pytest.mark.parametrize("mark", ["repository", "uv workspace"])
def test_the_search_goes_on_to_the_repository(world: World, mark: str) -> None:
    """imagekit's project may be a part of a repository or uv workspace that has the lock."""
    if mark == "repository":
        (world.project / ".git").mkdir()
    else:
        world.write("pyproject.toml", '[tool.uv.workspace]\nmembers = ["inner"]\n')
    world.write("uv.lock", "")
    world.write("inner/pyproject.toml", pyproject("plain"))

    found = find(world.function("inner"), world.project / "inner")

    assert found == LockFile("uv", world.project / "uv.lock")


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml", "poetry.lock"])
def test_a_lock_above_forbids_resolving_afresh(world: World, name: str) -> None:
    """Bare dependencies are not resolved where a lock lies anywhere above: it may be meant."""
    world.write(name, "")
    world.write("inner/pyproject.toml", pyproject("plain"))

    with pytest.raises(LockError) as caught:
        find(world.function("inner"), world.project / "inner")

    assert caught.value.path == world.project / name
    assert "lock = " in str(caught.value.hint)


def test_saying_so_allows_it(world: World) -> None:
    """`lock = "pyproject.toml"` is how one resolves bare dependencies below a lock on purpose."""
    world.write("uv.lock", "")
    world.write("inner/pyproject.toml", pyproject("plain"))
    function = world.function("inner", lock=Path("pyproject.toml"))

    assert find(function, world.project / "inner").kind == "project"


@pytest.mark.parametrize("name", ["Pipfile", "Pipfile.lock"])
def test_locks_of_others_are_refused_with_a_way_on(world: World, name: str) -> None:
    """A lock that imagekit cannot read is never passed over in silence."""
    world.write(name, "")
    world.write("pyproject.toml", pyproject("plain"))

    with pytest.raises(LockError) as caught:
        find(world.function(), world.project)

    assert caught.value.path.name == name
    assert "uv lock" in str(caught.value.hint)


def test_an_export_beside_such_a_lock_is_taken(world: World) -> None:
    """What the hint says to type leads on: the exported requirements beside Pipfile.lock."""
    world.write("Pipfile.lock", "")
    world.write("requirements.txt", "")

    assert find(world.function(), world.project).kind == "requirements"


def test_two_tools_locks_need_a_choice(world: World) -> None:
    """imagekit does not guess between poetry.lock and pdm.lock; either may be named."""
    world.write("poetry.lock", "")
    world.write("pdm.lock", "")

    with pytest.raises(LockError) as caught:
        find(world.function(), world.project)

    assert 'lock = "pdm.lock"' in str(caught.value.hint)
    assert find(world.function(lock=Path("pdm.lock")), world.project).kind == "pdm"


@pytest.mark.parametrize("name", ["pdm.lock", "pdm.prod.lock"])
def test_one_of_several_locks_of_pdm_can_be_named(world: World, name: str) -> None:
    """pdm keeps locks side by side under names of their own."""
    world.write(name, "")

    assert find(world.function(lock=Path(name)), world.project).kind == "pdm"


def test_dependencies_of_poetry_without_a_lock_are_not_forgotten(world: World) -> None:
    """[tool.poetry.dependencies] alone is not the same as no dependencies."""
    world.write("pyproject.toml", '[tool.poetry.dependencies]\nplain = "*"\n')

    with pytest.raises(LockError) as caught:
        find(world.function(), world.project)

    assert caught.value.hint == "poetry lock"


@pytest.mark.parametrize("text", [None, "[tool.imagekit]\n", pyproject()])
def test_no_dependencies_need_no_lock(world: World, text: str | None) -> None:
    """A function without dependencies is fine, even below a lock."""
    world.write("uv.lock", "")
    if text is not None:
        world.write("inner/pyproject.toml", text)
    else:
        (world.project / "inner").mkdir()
    function = world.function("inner")

    assert find(function, function.root).kind == "none"
    # Nothing but the folder says so: with a lock inside the project it would be that lock's.
    assert find(function, world.project).kind == "uv"


@pytest.mark.parametrize("name", ["absent.lock", "conda.yml"])
def test_a_named_lock_has_to_be_one(world: World, name: str) -> None:
    """`lock` names a file that is there and whose kind its name says."""
    world.write("conda.yml", "")

    with pytest.raises(LockError) as caught:
        find(world.function(lock=Path(name)), world.project)

    assert caught.value.path == world.project / name


def test_locks_of_other_tools_beside_it_are_told(world: World) -> None:
    """Where the order alone decides; not where a key or a file's name does, or there is one."""
    function = world.function()

    def beside(lock: Path | None = None) -> tuple[str, ...]:
        asking = world.function(lock=lock)
        return passed_over(find(asking, world.project), asking)

    world.write("pyproject.toml", pyproject("plain"))
    assert beside() == ()
    world.write("requirements.txt", "")
    assert beside() == ()
    world.write("pylock.toml", "")
    assert beside() == ("requirements.txt",)
    world.write("uv.lock", "")
    assert beside() == ("pylock.toml", "requirements.txt")
    assert beside(Path("uv.lock")) == ()
    (world.project / "uv.lock").unlink()
    world.write(f"pylock.{function.name}.toml", "")
    assert beside() == ()
