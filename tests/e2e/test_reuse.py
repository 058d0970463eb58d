"""The registry is the cache: a runner with an empty disk makes and sends what changed, no more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from tests.e2e.projects import Project, write_pylock
from tests.services.cli import succeeded
from tests.services.front import Front
from tests.services.index import Index
from tests.services.wheels import make_wheel, with_version


@pytest.fixture
def front(registry: str) -> Iterator[Front]:
    """A counting front before the registry."""
    with Front(registry) as served:
        yield served


class Runner(Struct, frozen=True, kw_only=True):
    """One project and its repository; every runner is a machine that has nothing yet."""

    project: Project
    repository: str
    folder: Path

    def __call__(self, number: int, *arguments: str) -> dict[str, object]:
        store = str(self.folder / f"runner{number}")
        target = ("--push", "--to", self.repository)
        return self.project.build(*target, *arguments, env={"IMAGEKIT_CACHE_DIR": store})

    def change(self, text: str) -> None:
        body = f"import alpha\n\n\ndef handler(e, c):\n    return {text!r}\n"
        (self.project.folder / "app.py").write_text(body, encoding="utf-8")


@pytest.fixture
def runner(imaged: Project, wheels: Path, index: Index, front: Front, tmp_path: Path) -> Runner:
    """Two packages, with bytecode, locked and pushed from runner 0."""
    make_wheel(wheels, "alpha", "1.0", {"alpha.py": b"A = 1\n", "alpha.bin": os.urandom(300_000)})
    make_wheel(wheels, "beta", "1.0", {"beta.py": b"B = 1\n" * 2000})
    write_pylock(imaged.folder, wheels.glob("*.whl"), index)
    imaged.replace("bytecode = false", "bytecode = true")
    succeeded(imaged.run("lock"))
    name = re.sub("[^a-z0-9]+", "-", tmp_path.name.lower()).strip("-")
    found = Runner(project=imaged, repository=f"{front.host}/reuse/{name}", folder=tmp_path)
    found(0)
    return found


def kept(made: dict[str, object]) -> list[object]:
    layers = made["layers"]
    assert isinstance(layers, list)
    return [(layer["digest"], layer["diff_id"]) for layer in layers]


def test_nothing_changed_fetches_and_makes_nothing(
    runner: Runner, index: Index, front: Front
) -> None:
    """An empty disk: no request to the index, the same image, nothing sent."""
    first = runner(1)
    index.forget()
    front.forget()
    again = runner(2)

    assert again["digest"] == first["digest"]
    assert again["sent_bytes"] == 0
    assert not index.requests
    assert front.saw("POST") == front.saw("PUT") == []


def test_a_code_change_makes_the_source_alone(runner: Runner, index: Index, front: Front) -> None:
    """The image is the one that a full store gives, digest for digest, and no wheel was fetched."""
    runner.change("two")
    index.forget()
    front.forget()
    fresh = runner(1)

    assert not index.requests
    assert len([one for one in front.saw("PUT", "/blobs/") if one.status == 201]) == 2
    assert runner(0, "--no-reuse")["digest"] == fresh["digest"]


def test_a_bump_makes_that_package_alone(
    runner: Runner, index: Index, wheels: Path, front: Front
) -> None:
    """The other's wheel is looked at, as the two might fill one path, and never fetched whole."""
    before = runner(1)
    old = next(wheels.glob("beta-*.whl"))
    with_version(old, "1.1")
    old.unlink()
    write_pylock(runner.project.folder, wheels.glob("*.whl"), index)
    succeeded(runner.project.run("lock"))
    index.forget()
    front.forget()
    after = runner(2)

    assert len(set(kept(after)) - set(kept(before))) == 1
    assert set(index.downloads()) == {"beta-1.1-py3-none-any.whl"}
    assert len([one for one in front.saw("PUT", "/blobs/") if one.status == 201]) == 2


def test_it_can_be_turned_off(runner: Runner, index: Index) -> None:
    """`--no-reuse` makes every layer here: the same image, from the wheels."""
    first = runner(1)
    index.forget()
    again = runner(2, "--no-reuse")

    assert again["digest"] == first["digest"]
    assert len(index.downloads()) == 3


def test_a_tag_of_ones_own_keeps_the_cache(runner: Runner, index: Index) -> None:
    """Pipelines tag by commit: imagekit's own tag moves along, so the next one finds it."""
    runner.change("three")
    runner(1, "--tag", "commit-3")
    runner.change("four")
    index.forget()
    runner(2, "--tag", "commit-4")

    assert not index.requests


def test_a_build_that_needs_the_bytes_makes_them(runner: Runner, index: Index) -> None:
    """A layout on disk holds what was built here, so nothing of it is left in the registry."""
    index.forget()
    made = runner(1, "--output", str(runner.folder / "out"))

    assert Path(str(made["path"])).is_dir()
    assert len(index.downloads()) == 3
