"""Bytecode in ZIPs: compiled once for each package, the same bytes whether made or found."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from imagekit.bundle.compiled import bytecode_of
from imagekit.bundle.zip import write_zip
from imagekit.contents.trees import Compiler
from imagekit.model.digest import Digest
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import LayerPlan
from imagekit.project.interpreter import Interpreter
from imagekit.store import Store

SOURCES = {"a.py": b"X = 1\n", "p/__init__.py": b"", "p/b.c.py": b"Y = 2\n" * 99}


class Counting(ThreadPoolExecutor):
    """Counts the pieces that are compiled."""

    pieces = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.pieces += 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
def pool() -> Iterator[Counting]:
    with Counting(1) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def compiler(pool: Counting) -> Compiler:
    here = Interpreter(version=platform.python_version(), argv=(sys.executable,))
    return Compiler(interpreter=here, pool=pool)


def tree(files: dict[str, bytes]) -> Tree:
    return Tree.of(
        FileEntry(path=path, size_bytes=len(data), owner=f"of {path}", content=Bytes(data))
        for path, data in files.items()
    )


def layer(name: str = "p", files: Tree | None = None) -> LayerPlan:
    return LayerPlan(
        name=name,
        kind="packages",
        packages=(),
        root="/var/task",
        why="",
        fingerprint=Digest.of(name.encode()),
        unzipped_bytes=0,
        files=files,
    )


def test_the_second_zip_compiles_nothing(store: Store, pool: Counting) -> None:
    """Found by fingerprint; another package, or another Python's, is compiled."""
    plain = tree(SOURCES)
    first = bytecode_of(layer(), plain, compiler(pool), store)
    pieces = pool.pieces

    assert pieces > 0
    assert bytecode_of(layer(), plain, compiler(pool), store) == first
    assert pool.pieces == pieces
    bytecode_of(layer("other"), plain, compiler(pool), store)
    assert pool.pieces > pieces


def test_what_is_kept_is_what_was_compiled(store: Store, pool: Counting, tmp_path: Path) -> None:
    """Path, bytes and owner of each; a ZIP with it has the bytes of one made without the store."""
    plain = tree(SOURCES)
    direct = compiler(pool).bytecode(plain, "/var/task")
    kept = bytecode_of(layer(), plain, compiler(pool), store)

    assert {entry.path: (entry.owner, bytes(entry.content.read())) for entry in kept} == {
        entry.path: (entry.owner, bytes(entry.content.read())) for entry in direct
    }
    one = write_zip(Tree.of([*plain, *direct]), tmp_path / "direct.zip")
    two = write_zip(Tree.of([*plain, *kept]), tmp_path / "kept.zip")
    assert one == two


def test_a_blob_that_is_gone_is_made_again(store: Store, pool: Counting) -> None:
    """The store may be pruned between two builds."""
    plain = tree(SOURCES)
    first = bytecode_of(layer(), plain, compiler(pool), store)
    for blob in (store.root / "blobs" / "sha256").iterdir():
        blob.unlink()

    assert bytecode_of(layer(), plain, compiler(pool), store) == first


def test_source_is_not_kept(store: Store, pool: Counting) -> None:
    """It changes with every build; the store would fill with what nobody asks for again."""
    plain = tree(SOURCES)
    made = bytecode_of(layer(files=plain), plain, compiler(pool), store)

    assert len(made) == len(SOURCES)
    assert not (store.root / "blobs").exists()


def test_a_package_without_python(store: Store, pool: Counting) -> None:
    """Nothing to compile is nothing to keep."""
    assert bytecode_of(layer(), tree({"data.bin": b"x"}), compiler(pool), store) == ()
