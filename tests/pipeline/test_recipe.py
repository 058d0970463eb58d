"""Another recipe than the lock's is announced, refused or taken over, never slipped in."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.console import Console
from imagekit.model.digest import Digest
from imagekit.model.errors import LockError
from imagekit.model.image import LAYER_FORMAT, RECIPES
from imagekit.model.target import Target
from imagekit.pipeline.decisions import Decisions
from imagekit.pipeline.request import LockMode
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.project.imagekit_lock import read, write
from imagekit.project.lock_values import ImagekitLock
from imagekit.report.recipe import recipe_change, recipe_line


def layer(name: str, size_bytes: int) -> LayerPlan:
    return LayerPlan(
        name=name,
        kind="packages",
        packages=(),
        root="/var/task",
        why="",
        fingerprint=Digest.of(name.encode()),
        unzipped_bytes=size_bytes,
    )


ZIP = BuildPlan(
    function="f",
    handler="app.handler",
    target=Target.managed("3.13", "x86_64"),
    packaging="zip",
    why="",
    base=None,
    bytecode=None,
    layers=(layer("numpy", 2_000_000), layer("source", 1000)),
    settings=None,
    limit_bytes=262_144_000,
)
IMAGE = replace(ZIP, packaging="image")


def decisions(root: Path, mode: LockMode = "write") -> Decisions:
    return Decisions.read(root, mode, Console(out=io.StringIO(), err=io.StringIO()))


def said(found: Decisions) -> str:
    assert isinstance(found.console.err, io.StringIO)
    return found.console.err.getvalue()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A project whose lock was written by an imagekit before this one."""
    write(tmp_path / "imagekit.lock", ImagekitLock(recipe=LAYER_FORMAT - 1))
    return tmp_path


def test_every_recipe_says_what_it_changed() -> None:
    """Who raises the format writes half a sentence for those who must send everything again."""
    assert max(RECIPES) == LAYER_FORMAT
    assert sorted(RECIPES) == list(range(1, LAYER_FORMAT + 1))
    assert all(text and text[0].islower() and text[-1] != "." for text in RECIPES.values())


def test_the_change_names_all_that_came_since() -> None:
    """Not only the newest; and a lock of a newer imagekit is called that."""
    assert recipe_change(0) == f"recipe {LAYER_FORMAT}, not 0 ({'; '.join(RECIPES.values())})"
    assert "newer imagekit" in recipe_change(LAYER_FORMAT + 1)


def test_what_will_be_sent_anew_is_counted() -> None:
    """Layers that images share are counted once; ZIPs are whole; all in one line."""
    line = recipe_line(0, [IMAGE, replace(IMAGE, function="g"), ZIP])

    assert line.endswith(
        "2 layers (2 MB unzipped) and 1 ZIP (2 MB unzipped) will be made and sent anew"
    )
    assert "\n" not in line
    assert "ZIP" not in recipe_line(0, [IMAGE])


def test_a_build_says_it_and_leaves_the_lock_alone(old: Path) -> None:
    """At every build until it is taken over: a lock changes on purpose only."""
    found = decisions(old)
    found.announce([IMAGE])

    assert said(found).startswith("warning: ")
    assert "imagekit lock" in said(found)
    assert said(found).count("\n") == 1
    assert not found.save()
    assert decisions(old).old_recipe == LAYER_FORMAT - 1


def test_the_same_recipe_is_not_talked_of(tmp_path: Path) -> None:
    """Nor is a lock that is not there yet."""
    found = decisions(tmp_path)
    found.announce([IMAGE])

    assert said(found) == ""
    assert found.take_recipe() is None


def test_taking_it_over_writes_it(old: Path) -> None:
    """What `imagekit lock` does."""
    found = decisions(old)

    assert found.take_recipe() == LAYER_FORMAT - 1
    assert found.save()
    lock = read(old / "imagekit.lock")
    assert lock is not None
    assert lock.recipe == LAYER_FORMAT


def test_locked_refuses_another_recipe(old: Path) -> None:
    """CI must not send anew what nobody asked for; a newer lock asks for a newer imagekit."""
    with pytest.raises(LockError) as refused:
        decisions(old, "locked")
    assert refused.value.hint == "imagekit lock"

    write(old / "imagekit.lock", ImagekitLock(recipe=LAYER_FORMAT + 1))
    with pytest.raises(LockError) as refused:
        decisions(old, "locked")
    assert refused.value.hint == "install a newer imagekit"


def test_frozen_builds_and_says_it_all_the_same(old: Path) -> None:
    """The lock is used unread, but the bytes are others."""
    found = decisions(old, "frozen")
    found.announce([ZIP])

    assert "1 ZIP" in said(found)
