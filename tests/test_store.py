"""The store: a name in it means that the bytes are whole."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild, UsageError
from imagekit.store import Store, StoredFile, _settle


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


OLD = 1_000_000_000.0
"""A time long ago, in seconds since 1970."""


def age(store: Store, data: bytes, used: float = OLD) -> Digest:
    """A blob that was last used then."""
    digest = store.put_blob(data)
    os.utime(store.blob_path(digest), (used, used))
    return digest


def listed(store: Store) -> dict[str, StoredFile]:
    return {file.key: file for file in store.files()}


def test_asking_for_a_blob_is_a_use_of_it(tmp_path: Path) -> None:
    """What is asked for stays when the rest is pruned; a wrong size is no use."""
    store = Store(tmp_path)
    digest = age(store, b"hello")
    assert not store.has_blob(digest, 4)
    assert listed(store)[digest.hex].used == OLD

    assert store.has_blob(digest, 5)

    assert time.time() - listed(store)[digest.hex].used < 60


def test_a_late_use_is_not_written_down_again(tmp_path: Path) -> None:
    """A build where nothing changed writes nothing, not even times."""
    store = Store(tmp_path)
    lately = time.time() - 30
    digest = age(store, b"hello", lately)

    assert store.has_blob(digest)

    assert listed(store)[digest.hex].used == pytest.approx(lately, abs=0.01)


def test_reading_a_record_is_a_use_of_it_and_looking_is_none(tmp_path: Path) -> None:
    """`imagekit cache` shows the store without making everything in it look used."""
    store = Store(tmp_path)
    store.put_record("layer", "k", {"a": 1})
    os.utime(tmp_path / "records" / "layer" / "k.json", (OLD, OLD))

    file = listed(store)["k"]
    assert (file.kind, file.used, store.peek(file)) == ("layer", OLD, {"a": 1})
    assert listed(store)["k"].used == OLD

    assert store.record("layer", "k") == {"a": 1}
    assert listed(store)["k"].used > OLD


def test_what_was_used_since_it_was_listed_stays(tmp_path: Path) -> None:
    """Between deciding and removing, a build may have begun that needs it."""
    store = Store(tmp_path)
    digest = age(store, b"hello")
    seen = listed(store)[digest.hex]
    assert store.has_blob(digest)

    assert not store.remove(seen)

    assert store.blob_path(digest).read_bytes() == b"hello"
    assert store.remove(listed(store)[digest.hex])
    assert files(tmp_path) == []


def test_what_is_gone_already_is_not_removed_twice(tmp_path: Path) -> None:
    """Two prunings at once count each file once."""
    store = Store(tmp_path)
    digest = age(store, b"hello")
    seen = listed(store)[digest.hex]

    assert store.remove(seen)
    assert not store.remove(seen)


def test_a_running_command_is_known_to_others(tmp_path: Path) -> None:
    """By the moment when it began, less the minute within which uses are not noted."""
    store = Store(tmp_path)
    now = time.time()
    assert store.held_since(now) is None

    with store.held(), store.held():
        since = store.held_since(now)
        assert since is not None
        assert now - 70 < since <= now - 50

    assert store.held_since(now) is None


def test_a_killed_command_holds_nothing_for_ever(tmp_path: Path) -> None:
    """Its mark counts for some hours, and is then taken away."""
    store = Store(tmp_path)
    mark = tmp_path / "running" / "killed"
    mark.parent.mkdir()
    mark.touch()

    assert store.held_since(time.time()) is not None
    assert store.held_since(time.time() + 7 * 3600) is None
    assert not mark.exists()


def test_what_goes_away_while_it_is_needed_is_no_bug(tmp_path: Path) -> None:
    """Somebody emptied the folder by hand: the file is named, and building again mends it."""
    store = Store(tmp_path)
    digest = store.put_blob(b"hello")

    with pytest.raises(CannotBuild, match=digest.hex) as raised, store.held():
        store.blob_path(digest).unlink()
        store.blob_path(digest).read_bytes()

    assert raised.value.hint == "build again"
    assert list((tmp_path / "running").iterdir()) == []


def test_a_missing_file_that_is_not_the_stores_is_not_explained_away(tmp_path: Path) -> None:
    """An error elsewhere keeps its own words."""
    with pytest.raises(FileNotFoundError), Store(tmp_path / "store").held():
        (tmp_path / "elsewhere").read_bytes()


class OpenElsewhere(type(Path())):  # type: ignore[misc]
    """A path that cannot be renamed, as on Windows while another process has the target open."""

    def replace(self, target: object) -> None:
        """As Windows answers: `[WinError 5] Access is denied`."""
        raise PermissionError(errno.EACCES, "Access is denied", str(self), None, str(target))


def test_a_race_that_windows_ends_with_a_refusal_is_lost_well(tmp_path: Path) -> None:
    """The blob is there, so nothing is missing; where it is not, the refusal is real."""
    part, target = OpenElsewhere(tmp_path / "part"), tmp_path / "target"
    part.write_bytes(b"same")
    with pytest.raises(PermissionError):
        _settle(part, target)

    target.write_bytes(b"same")
    _settle(part, target)

    assert target.read_bytes() == b"same"


@pytest.mark.parametrize("below", ["", "deep/er"])
def test_a_store_that_cannot_be_made_is_wrong_input(tmp_path: Path, below: str) -> None:
    """A file stands where its folder is to be: exit 2, with the variable that names another."""
    (tmp_path / "file").touch()
    store = Store(tmp_path / "file" / below)
    with pytest.raises(UsageError) as caught, store.held():
        pass

    assert caught.value.what.startswith(f"the store at {store.root} cannot be made")
    assert "IMAGEKIT_CACHE_DIR" in str(caught.value.hint)
