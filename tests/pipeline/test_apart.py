"""Source and packages share no path, unless the bytes are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.contents.facts import wheel_facts
from imagekit.model.digest import Digest
from imagekit.model.errors import PathCollisions
from imagekit.model.package import Artifact, Package
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.pipeline.planning.apart import require_apart
from imagekit.store import Store
from tests.services.wheels import make_wheel


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def demo(tmp_path: Path, store: Store) -> Package:
    """A package in the store that fills two paths, measured."""
    wheel = make_wheel(
        tmp_path, "demo", "1.0", {"demo/__init__.py": b"a = 1\n", "shared/__init__.py": b""}
    )
    digest = store.put_blob(wheel.read_bytes())
    artifact = Artifact(filename=wheel.name, url=wheel.as_uri(), digest=digest)
    package = Package(name="demo", version="1.0", wheel=artifact)
    assert wheel_facts(package, store)
    return package


def source(path: str, data: bytes) -> Tree:
    entry = FileEntry(path=path, size_bytes=len(data), owner="source", content=Bytes(data))
    return Tree.of([entry])


def test_other_paths_are_fine(demo: Package, store: Store) -> None:
    """Also in a folder that a package fills, as namespace packages do."""
    require_apart(source("app.py", b"x"), [demo], store)
    require_apart(source("shared/mine.py", b"x"), [demo], store)


def test_equal_bytes_are_one_file(demo: Package, store: Store) -> None:
    """Nobody can tell which of the two won."""
    require_apart(source("shared/__init__.py", b""), [demo], store)


def test_other_bytes_are_refused_naming_both(demo: Package, store: Store) -> None:
    """In an image the source's layer would win without a word."""
    for _ in range(2):  # from facts, then from the small record
        with pytest.raises(PathCollisions) as refused:
            require_apart(source("demo/__init__.py", b"a = 2\n"), [demo], store)

    (clash,) = refused.value.collisions
    assert (clash.path, clash.owners) == ("demo/__init__.py", ("demo 1.0", "source"))


def test_a_package_that_was_not_measured_is_not_remembered(store: Store, demo: Package) -> None:
    """Else what is learnt later would never be asked for."""
    unknown = Artifact(filename="b-1-py3-none-any.whl", url="https://x/b", digest=Digest("0" * 64))
    require_apart(
        source("app.py", b""), [demo, Package(name="b", version="1", wheel=unknown)], store
    )

    assert not (store.root / "records" / "tops").exists()
