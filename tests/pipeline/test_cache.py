"""The store by kind, and what goes from it first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.model.errors import UsageError
from imagekit.model.sizes import parse_size
from imagekit.pipeline.cache import Wish, chosen, prune, use_of
from imagekit.pipeline.tidy import DEFAULT_LIMIT_BYTES, limit_of, tidy
from imagekit.report.cache import pruned_line, use_lines
from imagekit.store import Store, StoredFile

NOW = 2_000_000_000.0
DAY = 24 * 3600


def stored(key: str, size_bytes: int, used: float) -> StoredFile:
    return StoredFile(
        path=Path(key), kind="blobs", key=key, size_bytes=size_bytes, used=NOW - used * DAY
    )


FILES = (stored("new", 10, 1), stored("older", 20, 5), stored("oldest", 30, 9))


def names(wish: Wish, keep: tuple[str, ...] = (), held_since: float | None = None) -> list[str]:
    return [file.key for file in chosen(FILES, wish, keep, held_since)]


def test_the_least_recently_used_goes_first_and_no_more_than_needed() -> None:
    """Whatever order they are found in."""
    assert names(Wish(limit_bytes=60)) == []
    assert names(Wish(limit_bytes=59)) == ["oldest"]
    assert names(Wish(limit_bytes=29)) == ["oldest", "older"]
    assert names(Wish(limit_bytes=0)) == ["oldest", "older", "new"]


def test_age_alone_is_a_reason() -> None:
    """`--older-than` asks nothing of the size, and both together take what either names."""
    assert names(Wish(unused_since=NOW - 4 * DAY)) == ["oldest", "older"]
    assert names(Wish(unused_since=NOW - 7 * DAY, limit_bytes=10)) == ["oldest", "older"]


def test_what_is_kept_is_passed_over() -> None:
    """And the next in line goes instead."""
    assert names(Wish(limit_bytes=45), keep=("oldest",)) == ["older"]


def test_nothing_goes_that_was_used_since_a_running_command_began() -> None:
    """Not even when all shall go."""
    assert names(Wish(everything=True), held_since=NOW - 6 * DAY) == ["oldest"]


def put(store: Store, data: bytes, days: float) -> Digest:
    digest = store.put_blob(data)
    os.utime(store.blob_path(digest), (NOW - days * DAY, NOW - days * DAY))
    return digest


def put_record(store: Store, kind: str, key: str, value: dict[str, object], days: float) -> None:
    store.put_record(kind, key, value)
    path = store.root / "records" / kind / f"{key}.json"
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """One blob of each kind, the records beside them; all 9 days old."""
    store = Store(tmp_path)
    of = {
        name: put(store, name.encode() * 100, 9)
        for name in ("wheel", "built", "layer", "zip", "base", "config")
    }
    put_record(store, "wheel", of["wheel"].hex, {"format": 1}, 9)
    put_record(store, "wheel", of["built"].hex, {"format": 1}, 9)
    put_record(store, "built", "b", {"digest": of["built"].hex}, 9)
    put_record(store, "layer", "l", {"digest": str(of["layer"])}, 9)
    put_record(store, "zip", "z", {"digest": of["zip"].hex}, 9)
    layers = [{"digest": str(of["base"])}]
    base: dict[str, object] = {"digest": "sha256:" + "0" * 64, "layers": layers, "in_store": True}
    put_record(store, "base", "0" * 64, base, 9)
    put_record(store, "composed", "c", {"digest": "sha256:" + "0" * 64}, 9)
    return store


def test_every_blob_has_its_kind(store: Store) -> None:
    """Records tell what a blob is; a wheel that was built here is counted as that."""
    use = use_of(store, None)
    sizes = {kind.name: (kind.files, kind.size_bytes) for kind in use.kinds}

    assert sizes["wheels"] == (1, 500)
    assert sizes["built wheels"] == (1, 500)
    assert sizes["layers"] == (1, 500)
    assert sizes["ZIPs"] == (1, 300)
    assert sizes["bases"] == (1, 400)
    assert sizes["documents"] == (1, 600)
    assert sizes["records"][0] == 7
    assert use.size_bytes == sum(path.stat().st_size for path in tree(store))


def tree(store: Store) -> Iterator[Path]:
    return (path for path in store.root.rglob("*") if path.is_file())


def test_the_table_ends_with_the_sum_and_the_limit(store: Store) -> None:
    """A row for each kind, in one order."""
    *_, total = use_lines(use_of(store, 20 * 10**9))
    *_, unlimited = use_lines(use_of(store, None))

    assert total.split()[0] == "total"
    assert total.endswith("of 20 GB")
    assert unlimited.endswith("no limit")


def test_a_composed_base_stays_until_all_goes(store: Store) -> None:
    """Its layers lie nowhere else, and Debian may not give the same bytes again."""
    done = prune(store, Wish(limit_bytes=0), NOW)

    kinds = {kind.name: kind.files for kind in use_of(store, None).kinds if kind.files}
    assert kinds == {"bases": 1, "records": 2}
    assert "go with --all" in pruned_line(done)

    prune(store, Wish(everything=True), NOW)
    assert use_of(store, None).size_bytes == 0


def test_unpacked_interpreters_are_part_of_a_base(store: Store) -> None:
    """They are counted with it, and go with it."""
    program = store.root / "interpreters" / ("0" * 64) / "usr" / "bin" / "python3.13"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"x" * 1000)
    bases = {kind.name: kind.size_bytes for kind in use_of(store, None).kinds}["bases"]
    assert bases == 1400

    prune(store, Wish(limit_bytes=0), NOW)
    assert program.exists()
    prune(store, Wish(everything=True), NOW)
    assert not program.exists()


@contextmanager
def running(store: Store, since: float) -> Iterator[None]:
    """As while a command runs that began then."""
    with store.held():
        (mark,) = (store.root / "running").iterdir()
        os.utime(mark, (since, since))
        yield


def test_pruning_beside_a_build_takes_only_what_the_build_does_not_use(store: Store) -> None:
    """`--all` too; and it is said why there is more left than was asked for."""
    used = put(store, b"used by the build", 0)

    with running(store, NOW - 60):
        done = prune(store, Wish(everything=True), NOW)

    assert [path.name for path in tree(store)] == [used.hex]
    assert "another command is running" in pruned_line(done)


def test_what_was_removed_is_said(store: Store) -> None:
    """Files, bytes, and what is left."""
    before = use_of(store, None)
    done = prune(store, Wish(everything=True), NOW)

    assert (done.files, done.freed_bytes, done.left_bytes) == (13, before.size_bytes, 0)
    assert pruned_line(done).startswith("removed 13 files (")


def test_tidying_happens_once_a_day_and_below_the_limit_silently(store: Store) -> None:
    """Looking at every file costs; a mark says when it was done last."""
    assert tidy(store, 10**9, NOW) is None
    put(store, b"x" * 5000, 8)

    assert tidy(store, 4000, NOW + 3600) is None, "it was done an hour ago"

    said = tidy(store, 5500, NOW + 2 * DAY)
    assert said is not None
    assert "limit of 5.5 kB" in said
    assert sum(file.size_bytes for file in store.files()) <= 5500


def test_without_a_limit_nothing_is_looked_at(store: Store) -> None:
    """Not even once a day."""
    assert tidy(store, None, NOW) is None
    assert not (store.root / "tidied").exists()


def test_a_store_that_is_not_there_is_not_made_to_be_tidied(tmp_path: Path) -> None:
    """Nor is it an error to ask what is in it."""
    store = Store(tmp_path / "store")

    assert tidy(store, 1, NOW) is None
    assert use_of(store, 1).size_bytes == 0
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("10GB", 10**10),
        ("1.5 GiB", 3 * 2**29),
        ("800 mb", 8 * 10**8),
        ("4096", 4096),
        ("2k", 2000),
        ("1TB", 10**12),
    ],
)
def test_a_size_is_written_as_people_write_it(text: str, size_bytes: int) -> None:
    """Decimal as Lambda's limits are, binary where it says so."""
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 XB", "1iB", "ten", "1.GB", "1e3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """Whole, before anything is removed."""
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


def test_the_limit_is_the_environments() -> None:
    """20 GB where nothing is said; `none` has no end."""
    assert limit_of({}) == DEFAULT_LIMIT_BYTES == 20 * 10**9
    assert limit_of({"IMAGEKIT_CACHE_LIMIT": " 3GB "}) == 3 * 10**9
    assert limit_of({"IMAGEKIT_CACHE_LIMIT": "None"}) is None
    with pytest.raises(UsageError, match="IMAGEKIT_CACHE_LIMIT"):
        limit_of({"IMAGEKIT_CACHE_LIMIT": "much"})
