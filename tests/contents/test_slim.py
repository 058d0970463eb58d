"""What slimming leaves out of a wheel: decided from paths, for a tree and for its facts alike."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.contents.facts import wheel_facts
from imagekit.contents.install import wheel_tree
from imagekit.contents.measure import measure
from imagekit.contents.slim.rules import why_dropped
from imagekit.model.package import Package
from imagekit.model.slim import WHOLE, Slim
from imagekit.store import Store
from tests.contents.support import contents, nobody, package
from tests.services.wheels import make_wheel

SAFE = Slim(profile="safe")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with one file for every rule, and names that RECORD has to quote."""
    return make_wheel(
        tmp_path / "wheels",
        "thing",
        "1.0",
        {
            "thing/__init__.py": b"x = 1\n",
            "thing/__init__.pyi": b"x: int\n",
            "thing/py.typed": b"",
            "thing/data/model.bin": b"model",
            "thing/tests/__init__.py": b"",
            "thing/tests/test_a,b.py": b"def test(): ...\n",
            "thing/include/thing.h": b"int x;\n",
            "thing/_fast.pyx": b"x = 1\n",
            "thing/lib/libthing.a": b"!<arch>\n",
            "thing/docs/index.rst": b"Thing\n=====\n",
            "thing/docs/render.py": b"y = 1\n",
            "thing/licenses/LICENSE.md": b"Do what you like.\n",
            "thing/tests/LICENSE": b"Do what you like.\n",
        },
        entry_points={"thing": "thing:x"},
    )


LEFT = {
    "bin/thing",
    "thing/__init__.py",
    "thing/py.typed",
    "thing/data/model.bin",
    "thing/docs/render.py",
    "thing/licenses/LICENSE.md",
    "thing/tests/LICENSE",
}


def slim(wheel: Path, how: Slim) -> Package:
    return replace(package(wheel), slim=how)


def code(one: Package, wheel: Path) -> set[str]:
    return {entry.path for entry in wheel_tree(one, wheel) if ".dist-info/" not in entry.path}


def test_safe_leaves_what_runs(wheel: Path) -> None:
    """Tests, docs, stubs, sources of other languages and static libraries go; nothing else does."""
    assert code(slim(wheel, SAFE), wheel) == LEFT


def test_off_leaves_all(wheel: Path) -> None:
    """Not even looked at: the tree is the wheel's own."""
    assert wheel_tree(slim(wheel, Slim()), wheel) is wheel_tree(package(wheel), wheel)
    assert slim(wheel, Slim()).recipe == package(wheel).wheel.digest.hex


def test_metadata_is_whole(wheel: Path) -> None:
    """What `importlib.metadata` reads is there, and RECORD lists exactly the files that are."""
    whole = contents(wheel_tree(package(wheel), wheel))
    left = contents(wheel_tree(slim(wheel, SAFE), wheel))

    info = {path for path in whole if ".dist-info/" in path}
    assert {path for path in left if ".dist-info/" in path} == info
    record = next(path for path in info if path.endswith("/RECORD"))
    assert all(left[path] == whole[path] for path in info - {record})
    rows = list(csv.reader(io.StringIO(left[record].decode(), newline="")))
    assert [row[0] for row in rows] == sorted(left)
    assert all(int(row[2]) == len(left[row[0]]) for row in rows if row[0] != record)


@pytest.mark.parametrize(
    "how",
    [
        Slim(),
        SAFE,
        Slim(profile="safe", keep=("tests/",)),
        Slim(drop=("thing/data/", "bin/*")),
        Slim(profile="safe", drop=("*.py",), keep=("thing/__init__.py",)),
    ],
    ids=["off", "safe", "keep", "drop", "both"],
)
def test_facts_say_what_the_tree_will_be(wheel: Path, store: Store, how: Slim) -> None:
    """A plan weighs what a build makes, to the byte and to the file, RECORD included."""
    one = slim(wheel, how)
    tree = wheel_tree(one, wheel)
    (weight,) = measure([one], store, nobody()).weights
    facts = wheel_facts(one, store)

    assert facts is not None
    assert [(file.path, file.size_bytes) for file in facts.files] == [
        (entry.path, entry.size_bytes) for entry in tree
    ]
    assert (weight.unzipped_bytes, weight.files) == (tree.size_bytes, len(tree.entries))
    whole = wheel_facts(replace(one, slim=WHOLE), store)
    assert whole is not None
    gone = {file.path for file in whole.files} - {file.path for file in facts.files}
    assert gone == {dropped.path for dropped in facts.dropped}


def test_weights_tell_what_was_saved(wheel: Path, store: Store) -> None:
    """By reason, the largest first; remembered with the weights, apart for each profile."""
    safe, off = slim(wheel, SAFE), package(wheel)
    first = measure([safe], store, nobody())

    assert {one.reason for one in first.saved} == {
        *("C sources and headers", "docs", "static libraries", "tests", "type stubs"),
    }
    assert measure([safe], store, nobody()) == first
    assert measure([off], store, nobody()).saved == ()
    dropped = sum(one.unzipped_bytes for one in first.saved)
    assert measure([off], store, nobody()).unzipped_bytes > first.unzipped_bytes + dropped


def test_keep_wins_over_everything() -> None:
    """Over rules, and over `drop`; a folder's name stands for all in it."""
    kept = Slim(profile="safe", keep=("thing/tests/",), drop=("thing/", "*.h"))

    assert why_dropped("thing", "thing/tests/data/a.h", kept) is None
    assert why_dropped("thing", "thing/data.bin", kept) == "asked for"
    assert why_dropped("other", "other/tests/a.py", kept) == "tests"


def test_drop_never_takes_metadata() -> None:
    """`*.txt` means data, not entry_points.txt."""
    dropped = Slim(drop=("*.txt", "*.dist-info/"))

    assert why_dropped("thing", "thing/words.txt", dropped) == "asked for"
    assert why_dropped("thing", "thing-1.0.dist-info/entry_points.txt", dropped) is None


def test_services_of_botocore() -> None:
    """Named ones stay, those for credentials, and what all of them share."""
    s3 = Slim(services=("s3",))

    def gone(path: str) -> bool:
        return why_dropped("botocore", f"botocore/data/{path}", s3) is not None

    assert gone("ec2/2016-11-15/service-2.json.gz")
    assert gone("s3control/2018-08-20/service-2.json.gz")
    stays = ["s3/2006-03-01/service-2.json.gz", "sts/2011-06-15/service-2.json.gz"]
    stays += ("sso/2019-06-10/service-2.json.gz", "sso-oidc/2019-06-10/service-2.json.gz")
    stays += ("endpoints.json", "partitions.json", "_retry.json", "sdk-default-configuration.json")
    assert not any(gone(path) for path in stays)
    assert why_dropped("boto3", "boto3/data/ec2/2016-11-15/resources-1.json", s3)
    assert why_dropped("other", "botocore/data/ec2/2016-11-15/service-2.json.gz", s3) is None
