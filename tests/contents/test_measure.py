"""What a project weighs: exact, without downloading, and remembered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagekit.contents.carried import carried, take_over
from imagekit.contents.facts import Fact, WheelFacts, collisions, wheel_facts
from imagekit.contents.fetch import fetch
from imagekit.contents.install import wheel_tree
from imagekit.contents.measure import known_weights, measure
from imagekit.model.errors import BadWheel, Collision, PathCollisions
from imagekit.model.footprint import Amount, tally, total
from imagekit.model.package import Package
from imagekit.model.tree import Tree
from imagekit.net.transport import PooledTransport, connect
from imagekit.store import Store
from tests.contents.support import nobody, package
from tests.services.index import Index
from tests.services.wheels import make_wheel, truncate

BIG = 3_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def transport() -> Iterator[PooledTransport]:
    transport = connect({})
    yield transport
    transport.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two wheels, one of them large."""
    folder = tmp_path / "wheels"
    make_wheel(folder, "big", "1.0", {"big/a.so": os.urandom(BIG), "big/b.py": b"x"})
    make_wheel(folder, "small", "2.0", {"small.py": b"x"}, entry_points={"run": "small:x"})
    return folder


def served(index: Index) -> list[Package]:
    return [
        package(wheel, url=f"http://{index.host}/files/{wheel.name}") for wheel in index.wheels()
    ]


def trees(folder: Path) -> list[Tree]:
    return [wheel_tree(package(wheel), wheel) for wheel in sorted(folder.glob("*.whl"))]


def test_weights_are_those_of_the_trees(folder: Path, store: Store) -> None:
    """To the byte, with what installing adds: scripts and RECORD."""
    found = measure([package(wheel) for wheel in folder.glob("*.whl")], store, nobody())

    expected = [(tree.size_bytes, len(tree.entries)) for tree in trees(folder)]
    assert [weight.label for weight in found.weights] == ["big 1.0", "small 2.0"]
    assert [(weight.unzipped_bytes, weight.files) for weight in found.weights] == expected
    assert found.unzipped_bytes == sum(size for size, _ in expected)


def test_ranges_measure_the_same_without_downloading(
    folder: Path, store: Store, transport: PooledTransport
) -> None:
    """A plan on an empty cache reads directories, not wheels."""
    with Index(folder) as index:
        found = measure(served(index), store, transport)

        assert sum(index.sent_bytes.values()) < BIG / 10
    assert [weight.unzipped_bytes for weight in found.weights] == [
        tree.size_bytes for tree in trees(folder)
    ]
    assert not any(weight.checked for weight in found.weights)


def test_without_ranges_wheels_are_fetched_once(
    folder: Path, store: Store, transport: PooledTransport
) -> None:
    """For good: the build that follows finds them in the store."""
    with Index(folder, ranges=False) as index:
        found = measure(served(index), store, transport)
        fetch(served(index), store, transport)

        assert [weight.checked for weight in found.weights] == [True, True]
        assert set(index.downloads().values()) == {1}


def test_an_unchanged_project_reads_one_record(folder: Path, store: Store) -> None:
    """Neither wheels nor their own records are needed again, nor anybody asked."""
    packages = [package(wheel) for wheel in folder.glob("*.whl")]
    first = measure(packages, store, nobody())
    shutil.rmtree(store.root / "records" / "wheel")
    shutil.rmtree(folder)

    assert measure(packages[::-1], store, nobody()) == first


def test_what_ranges_said_is_checked_once_the_wheel_is_here(
    folder: Path, store: Store, transport: PooledTransport
) -> None:
    """Whoever answers range requests is not covered by the lock's hashes."""
    with Index(folder) as index:
        packages = served(index)
        measure(packages, store, transport)
        key = packages[0].wheel.digest.hex
        forged = store.record("wheel", key)
        assert forged is not None
        store.put_record("wheel", key, forged | {"files": [["lie.py", 1, 1, False]]})
        fetch(packages, store, transport)

        found = measure(packages, store, nobody())

    assert all(weight.checked for weight in found.weights)
    assert [weight.files for weight in found.weights] == [len(t.entries) for t in trees(folder)]


def test_a_bumped_package_is_measured_alone(folder: Path, store: Store) -> None:
    """The others are known by their digests."""
    measure([package(wheel) for wheel in folder.glob("*.whl")], store, nobody())
    bumped = make_wheel(folder, "small", "3.0", {"small.py": b"xy"})
    packages = [package(folder / "big-1.0-py3-none-any.whl"), package(bumped)]
    (folder / "big-1.0-py3-none-any.whl").unlink()

    found = measure(packages, store, nobody())

    assert [weight.label for weight in found.weights] == ["big 1.0", "small 3.0"]


def test_a_broken_wheel_is_named(folder: Path, store: Store) -> None:
    """At planning already."""
    wheel = truncate(folder / "big-1.0-py3-none-any.whl", 2000)

    with pytest.raises(BadWheel) as found:
        measure([package(wheel)], store, nobody())

    assert found.value.wheel == "big 1.0"


def test_records_that_cannot_be_read_are_made_anew(folder: Path, store: Store) -> None:
    """Written by another version, or by a disk that was full."""
    packages = [package(wheel) for wheel in folder.glob("*.whl")]
    first = measure(packages, store, nobody())
    for kind in ("wheel", "weights"):
        for record in (store.root / "records" / kind).glob("*.json"):
            old = {"format": 0, "checked": True, "files": [["old.py", 1, 1, False]]}
            store.put_record(kind, record.stem, old)

    assert measure(packages, store, nobody()) == first


def test_facts_of_a_wheel_name_what_lies_at_the_top(folder: Path, store: Store) -> None:
    """Modules, packages, scripts and metadata."""
    one = package(folder / "small-2.0-py3-none-any.whl")
    assert wheel_facts(one, store) is None
    fetch([one], store, nobody())

    found = wheel_facts(one, store)

    assert found is not None
    assert found.tops == ("bin", "small-2.0.dist-info", "small.py")


def facts(**files: str) -> WheelFacts:
    """Of files whose name stands for a path, and whose text for their content."""
    return WheelFacts(
        files=tuple(
            Fact(path.replace("__", "/"), len(text), hash(text) & 0xFFFF, text.startswith("#!"))
            for path, text in files.items()
        ),
        checked=True,
    )


def test_no_collision_is_overlooked() -> None:
    """Other bytes of one size, another mode, a file where another has a folder, in any order."""
    one = facts(both="abc", same="x", ns__init="x", top="x", deep__er__a="x")
    two = facts(both="abd", same="x", ns__init="x", top__a="x", deep="x")

    assert collisions({"one 1": one, "two 2": two}) == (
        Collision("both", ("one 1", "two 2")),
        Collision("deep", ("two 2", "one 1")),
        Collision("top", ("one 1", "two 2")),
    )


def test_one_file_is_a_program_to_one_and_none_to_another() -> None:
    """Which of the modes counted would depend on the order of layers."""
    plain = Fact("run", 1, 1, executable=False)
    program = Fact("run", 1, 1, executable=True)
    both = {
        "one 1": WheelFacts(files=(plain,), checked=True),
        "two 2": WheelFacts(files=(program,), checked=True),
    }

    assert collisions(both) == (Collision("run", ("one 1", "two 2")),)


def test_collisions_are_those_that_building_would_meet(tmp_path: Path, store: Store) -> None:
    """The same paths and owners as `Tree.of` names; namespace packages meet in peace."""
    shared = {"ns/__init__.py": b"", "LICENSE": b"MIT"}
    one = make_wheel(tmp_path, "one", "1.0", {**shared, "ns/one.py": b"1", "clash.py": b"1"})
    two = make_wheel(tmp_path, "two", "1.0", {**shared, "ns/two.py": b"2", "clash.py": b"2"})
    packages = [package(one), package(two)]

    measured = measure(packages, store, nobody())
    again = measure(packages, store, nobody())

    with pytest.raises(PathCollisions) as found:
        Tree.of(entry for wheel in (one, two) for entry in wheel_tree(package(wheel), wheel))
    assert measured.collisions == found.value.collisions == again.collisions
    assert [collision.path for collision in measured.collisions] == ["clash.py"]


def test_scripts_of_one_name_collide(tmp_path: Path, store: Store) -> None:
    """They are not in the wheels, only their entry points are."""
    packages = [
        package(make_wheel(tmp_path, name, "1.0", {}, entry_points={"run": f"{name}:main"}))
        for name in ("one", "two")
    ]

    assert measure(packages, store, nobody()).collisions == (
        Collision("bin/run", ("one 1.0", "two 1.0")),
    )


def test_weights_tell_their_categories(folder: Path, store: Store) -> None:
    """Exact, as the trees are; and the same when they are read from the record."""
    packages = [package(wheel) for wheel in sorted(folder.glob("*.whl"))]

    found = measure(packages, store, nobody())

    for weight, tree in zip(found.weights, trees(folder), strict=True):
        assert weight.categories == tally((file.path, file.size_bytes) for file in tree)
        assert total(weight.categories) == Amount(weight.unzipped_bytes, weight.files)
    assert dict(found.weights[0].categories)["libraries"] == Amount(BIG, 1)
    assert known_weights(packages, store) == found


def test_what_an_image_told_is_measured_where_categories_are_wanted(
    folder: Path, store: Store, transport: PooledTransport
) -> None:
    """An image carries weights alone: enough to build on, not to say what is in them."""
    with Index(folder) as index:
        packages = served(index)
        measure(packages, there := Store(folder / "there"), transport)
        told = carried(packages, there)
        assert told is not None
        assert take_over(told, packages, store)

        as_told = measure(packages, store, nobody())
        counted = measure(packages, store, transport, by_category=True)

    assert not any(weight.categories for weight in as_told.weights)
    assert all(weight.categories for weight in counted.weights)
    assert as_told.unzipped_bytes == counted.unzipped_bytes
    assert measure(packages, store, nobody(), by_category=True) == counted
