"""Values in the queries of URLs: used to fetch, kept neither in the store nor in imagekit.lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from imagekit.contents.address import Address
from imagekit.model.errors import CannotBuild
from imagekit.model.package import Artifact, Sdist
from imagekit.project.locks import Resolution
from tests.locks.test_pylock import HEAD, SHA, package
from tests.locks.world import World, pyproject
from tests.services.index import Index

SECRET = "s3cret-of-a-query"


def urls(resolution: Resolution) -> list[str]:
    origins = [one.origin for one in resolution.packages]
    return [
        one.url if isinstance(one, Artifact) else one.artifact.url
        for one in origins
        if isinstance(one, Artifact | Sdist)
    ]


def stored(world: World) -> str:
    """All that lies in the store."""
    files = (path for path in world.store.root.rglob("*") if path.is_file())
    return "".join(path.read_text(errors="replace") for path in files)


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """A wheel's, with a secret in its query."""
    wheel = world.wheel("plain")
    with Index(world.wheels) as index:
        yield f"{index.origin}/files/{wheel.name}?token={SECRET}"


def test_of_a_lock(world: World) -> None:
    """The record keeps none of it; the second run has it from the lock again."""
    url = f"https://index.test/plain-1.0-py3-none-any.whl?token={SECRET}"
    wheel = f'{{ url = "{url}", hashes = {{ sha256 = "{SHA}" }} }}'
    world.write("pylock.toml", HEAD + package("plain", f"wheels = [{wheel}]"))
    first, second = world.resolve(), world.resolve()

    assert urls(first) == urls(second) == [url]
    assert "plain-1.0" in stored(world)
    assert SECRET not in stored(world)


def test_of_a_lock_that_tells_files_apart_by_it_alone(world: World) -> None:
    """Then the lock is read again, and nothing is mixed up."""
    of = 'archive = {{ url = "https://index.test/get.zip?of={}", hashes = {{ sha256 = "{}" }} }}'
    both = [package("one", of.format(1, "a" * 64)), package("two", of.format(2, "b" * 64))]
    world.write("pylock.toml", HEAD + "".join(both))

    assert urls(world.resolve()) == urls(world.resolve())
    assert [url[-1] for url in urls(world.resolve())] == ["1", "2"]


@pytest.mark.parametrize("kind", ["requirements", "project"])
def test_of_a_requirement(world: World, url: str, kind: str) -> None:
    """imagekit.lock gets none of it; the fetch has it from the requirement, now and later."""
    if kind == "requirements":
        world.write("requirements.txt", f"plain @ {url}\n")
    else:
        world.write("pyproject.toml", pyproject(f"plain @ {url}"))
    first = world.resolve()
    second = world.resolve(pinned=first.pylock)
    third = world.resolve(pinned=first.pylock)

    assert first.pylock is not None
    assert "?token=***" in first.pylock
    assert SECRET not in first.pylock + stored(world)
    assert urls(first) == urls(second) == urls(third) == [url]
    assert second.pylock == first.pylock


def test_of_an_index_alone(world: World, tmp_path: Path) -> None:
    """Where nobody wrote it down, a file that has to be fetched is refused with what to do."""
    pinned = HEAD + package(
        "plain",
        'archive = { url = "https://index.test/plain-1.0-py3-none-any.whl?sig=***", '
        f'hashes = {{ sha256 = "{SHA}" }} }}',
    )
    world.write("requirements.txt", "plain\n")
    (found,) = urls(world.resolve(pinned=pinned))

    with pytest.raises(CannotBuild) as caught:
        Address.of(found)
    assert "plain-1.0-py3-none-any.whl?sig=*** is not kept" in caught.value.what
    assert "uv lock" in (caught.value.hint or "")
