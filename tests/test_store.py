"""The store: a name in it means that the bytes are whole."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.store import Store


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_blob_is_found_by_its_digest(tmp_path: Path) -> None:
    """And only if its size is the one that was promised."""
    store = Store(tmp_path)
    digest = store.put_blob(b"hello")

    assert digest == Digest.of(b"hello")
    assert store.has_blob(digest, 5)
    assert not store.has_blob(digest, 4)
    assert store.blob_path(digest).read_bytes() == b"hello"


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    """Whatever stops the block, no blob gets a name and no part stays behind."""
    store = Store(tmp_path)

    with pytest.raises(KeyboardInterrupt), store.writer() as writer:
        writer.write(b"half")
        raise KeyboardInterrupt

    assert files(tmp_path) == []


def test_bytes_of_another_digest_are_thrown_away(tmp_path: Path) -> None:
    """The caller compares `digest`; the store keeps nothing under either name."""
    store = Store(tmp_path)

    with store.writer(Digest.of(b"promised")) as writer:
        writer.write(b"something else")

    assert writer.digest != Digest.of(b"promised")
    assert files(tmp_path) == []


def test_a_record_that_cannot_be_read_is_no_record(tmp_path: Path) -> None:
    """A file of another program, or of a broken disk, is made anew."""
    store = Store(tmp_path)
    store.put_record("layer", "k", {"a": 1})
    assert store.record("layer", "k") == {"a": 1}

    (tmp_path / "records" / "layer" / "k.json").write_bytes(b"{")

    assert store.record("layer", "k") is None
    assert store.record("layer", "absent") is None


def test_many_writers_of_one_blob_agree(tmp_path: Path) -> None:
    """Losing the race is fine, as the bytes are the same."""
    store = Store(tmp_path)
    data = os.urandom(1 << 20)

    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda _: store.put_blob(data), range(16)))

    assert digests == {Digest.of(data)}
    assert files(tmp_path) == [store.blob_path(Digest.of(data))]


def test_leftovers_of_killed_builds_go_after_a_day(tmp_path: Path) -> None:
    """A part that another build may still be writing stays."""
    store = Store(tmp_path)
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "old").write_bytes(b"")
    (parts / "scratch").mkdir()
    (parts / "scratch" / "file").write_bytes(b"")
    for old in ("old", "scratch"):
        os.utime(parts / old, (0, 0))
    (parts / "new").write_bytes(b"")

    store.sweep(time.time())

    assert [path.name for path in parts.iterdir()] == ["new"]
