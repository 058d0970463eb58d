"""`max` and shared objects: symbols go, copies become links, and a plan knows it to the byte."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.contents.facts import wheel_facts
from imagekit.contents.fetch import fetch
from imagekit.contents.measure import measure
from imagekit.contents.slim.dress import slimmed
from imagekit.contents.slim.libraries import copies, is_library
from imagekit.contents.symbols import stripped
from imagekit.contents.trees import package_tree
from imagekit.model.package import Package
from imagekit.model.slim import WHOLE, SlimSettings
from imagekit.net.transport import connect
from imagekit.store import Store
from tests.contents.shared_objects import shared_object
from tests.contents.support import nobody, package
from tests.services.index import Index
from tests.services.wheels import make_wheel

LIBRARY = shared_object()
MAX = SlimSettings(profile="max")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Two libraries, one of them under three names, and what must stay as it is."""
    return make_wheel(
        tmp_path / "wheels",
        "fast",
        "1.0",
        {
            "fast/__init__.py": b"",
            "fast/_core.abi3.so": LIBRARY + bytes(100),
            "fast/libfast.so": LIBRARY,
            "fast/libfast.so.2": LIBRARY,
            "fast/libfast.so.2.1.0": LIBRARY,
            "fast/other/libfast.so": LIBRARY,
            "fast/fips.so": LIBRARY,
            "fast/words.so.txt": b"no library",
            "fast/tests/lib.so": LIBRARY,
        },
        executable=["fast/libfast.so.2"],
    )


def at_max(wheel: Path, keep: tuple[str, ...] = (), drop: tuple[str, ...] = ()) -> Package:
    (one,) = slimmed([package(wheel)], replace(MAX, keep=keep, drop=drop))
    return one


def test_symbols_go_and_copies_become_links(wheel: Path, store: Store) -> None:
    """One file a library and folder; the name that programs are linked with stays a file."""
    tree = {one.path: one for one in package_tree(at_max(wheel), wheel, store)}

    links = {path: one.link_target for path, one in tree.items() if one.link_target}
    assert links == {
        "fast/libfast.so": "libfast.so.2",
        "fast/libfast.so.2.1.0": "libfast.so.2",
    }
    light = bytes(stripped(LIBRARY))
    assert len(light) < len(LIBRARY)
    assert tree["fast/libfast.so.2"].content.read() == light
    assert tree["fast/libfast.so.2"].executable
    assert tree["fast/other/libfast.so"].content.read() == light
    assert tree["fast/fips.so"].content.read() == LIBRARY, "it compares itself with a checksum"
    assert all(one.size_bytes == len(one.content.read()) for one in tree.values())


def test_record_tells_what_is_there(wheel: Path, store: Store) -> None:
    """Sizes and digests of the stripped files; a link reads as what it points at."""
    tree = {one.path: one for one in package_tree(at_max(wheel), wheel, store)}
    record = bytes(tree["fast-1.0.dist-info/RECORD"].content.read()).decode()
    rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(record, newline=""))}

    assert set(rows) == set(tree)
    for path, one in tree.items():
        read = tree[f"fast/{one.link_target}"] if one.link_target else one
        data = bytes(read.content.read())
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        if not path.endswith("/RECORD"):
            assert rows[path] == [f"sha256={digest}", str(len(data))], path


def test_weights_are_those_of_the_tree(wheel: Path, store: Store) -> None:
    """To the byte; what was lost is told by its reason; the CRCs are those of what is shipped."""
    one = at_max(wheel)
    found = measure([one], store, nobody())
    tree = package_tree(one, wheel, store)
    facts = wheel_facts(one, store)

    assert found.weights[0].unzipped_bytes == tree.size_bytes
    assert found.weights[0].files == len(tree.entries)
    lost = {saved.reason: saved.files for saved in found.saved}
    assert lost == {"symbols of shared objects": 3, "copies of shared objects": 2, "tests": 1}
    assert facts is not None
    crcs = {file.path: file.crc32 for file in facts.files if file.size_bytes}
    assert all(
        crcs[entry.path] == zlib.crc32(entry.content.read())
        for entry in tree
        if is_library(entry.path) and entry.size_bytes
    )


def test_keep_keeps_symbols(wheel: Path, store: Store) -> None:
    """What `keep` names stays as the wheel has it, to the last byte."""
    tree = {one.path: one for one in package_tree(at_max(wheel, keep=("fast/",)), wheel, store)}

    assert tree["fast/libfast.so"].content.read() == LIBRARY
    assert tree["fast/tests/lib.so"].content.read() == LIBRARY


def test_own_packages_keep_theirs(wheel: Path, store: Store) -> None:
    """What is in them is the user's own decision."""
    (one,) = slimmed([package(wheel, own=True)], MAX)

    assert one.slim == WHOLE


def test_measured_once_for_each_wheel(wheel: Path, store: Store) -> None:
    """Another project with the same wheel reads a record: the wheel itself is not needed."""
    one = at_max(wheel)
    first = measure([one], store, nobody())
    other = at_max(wheel, drop=("fast/words.so.txt",))
    wheel.unlink()

    assert measure([other], store, nobody()).unzipped_bytes < first.unzipped_bytes


def test_only_wheels_with_shared_objects_are_fetched(tmp_path: Path, store: Store) -> None:
    """To know what stripping gives, they have to be stripped; all others are weighed by ranges."""
    folder = tmp_path / "wheels"
    make_wheel(folder, "pure", "1.0", {"pure.py": os.urandom(2_000_000)})
    make_wheel(folder, "fast", "1.0", {"fast.so": LIBRARY, "fast.bin": os.urandom(2_000_000)})
    transport = connect({})
    with Index(folder) as index:
        packages = [
            package(wheel, url=f"http://{index.host}/files/{wheel.name}")
            for wheel in index.wheels()
        ]
        found = measure(slimmed(packages, MAX), store, transport)
        downloads = index.downloads()
        fetch(packages, store, transport)
    transport.close()

    assert {name.partition("-")[0] for name in downloads} == {"fast"}
    assert {one.name: one.checked for one in found.weights} == {"fast": True, "pure": False}


def test_compressed_once(wheel: Path, store: Store) -> None:
    """A ZIP takes the compressed bytes from the store the next time: nothing is stripped again."""
    one = at_max(wheel)
    entry = next(each for each in package_tree(one, wheel, store) if "_core" in each.path)
    first = entry.content.deflated()
    again = next(each for each in package_tree(one, wheel, store) if "_core" in each.path)
    wheel.write_bytes(b"")

    assert first is not None
    assert zlib.decompress(first.data, -zlib.MAX_WBITS) == bytes(stripped(LIBRARY + bytes(100)))
    assert again.content.deflated() == first


def test_what_counts_as_a_copy() -> None:
    """The same bytes under names of one library in one folder; never across folders or names."""
    found = copies(
        [
            ("a/libx.so", 1),
            ("a/libx.so.3", 1),
            ("a/libx.so.3.2", 2),
            ("a/liby.so.3", 1),
            ("b/libx.so.3", 1),
            ("a/libz.so.1.1.1k", 4),
            ("a/libz.so", 4),
            ("a/data.txt", 1),
            ("a/data2.txt", 1),
        ]
    )

    assert found == {"a/libx.so": "a/libx.so.3", "a/libz.so.1.1.1k": "a/libz.so"}
