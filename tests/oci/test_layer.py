"""A layer is its recipe: bytes, blob and record (decisions 2 and 4)."""

from __future__ import annotations

import gzip as stdlib_gzip
import json
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.oci.budget import Budget
from imagekit.oci.layer import (
    GZIP_HEADER,
    Passed,
    gzip,
    keep_record,
    make_layer,
    read_record,
    record_from_json,
    record_to_json,
)
from imagekit.oci.tar import tar_bytes
from imagekit.store import Store
from tests.oci.trees import odd_tree, tree

RECIPE = Digest.of(b"recipe")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def made(store: Store) -> LayerRecord:
    return make_layer(
        odd_tree(),
        root="/var/task",
        fingerprint=RECIPE,
        store=store,
        judge=lambda: Passed(glibc="2.28"),
    )


def test_facts_are_true(store: Store) -> None:
    """The record says of the blob what anybody finds who opens it."""
    record = made(store)
    blob = store.blob_path(record.digest).read_bytes()
    tar = stdlib_gzip.decompress(blob)

    assert tar == tar_bytes(odd_tree(), "/var/task")
    assert record == LayerRecord(
        fingerprint=RECIPE,
        diff_id=Digest.of(tar),
        digest=Digest.of(blob),
        size_bytes=len(blob),
        unzipped_bytes=odd_tree().size_bytes,
        tar_bytes=len(tar),
        files=len(odd_tree().entries),
        glibc="2.28",
    )


def test_gzip_header_is_fixed() -> None:
    """lambda_rules T5: no time, no name, no system, and one member; libdeflate agrees."""
    import deflate

    assert bytes(gzip(b"x"))[:10] == GZIP_HEADER == bytes(deflate.gzip_compress(b"y" * 99, 1))[:10]
    assert stdlib_gzip.decompress(gzip(b"x" * 100_000)) == b"x" * 100_000


def test_record_is_found_again(store: Store) -> None:
    """The same recipe finds the layer without making it."""
    record = made(store)

    assert read_record(store, RECIPE) == record
    assert read_record(store, Digest.of(b"another")) is None


def test_record_without_its_blob(store: Store) -> None:
    """A record alone makes no layer, but is enough to plan with."""
    record = made(store)
    store.blob_path(record.digest).unlink()

    assert read_record(store, RECIPE) is None
    assert read_record(store, RECIPE, blob_needed=False) == record


def test_blob_of_another_size_is_no_blob(store: Store) -> None:
    """A blob that was cut off outside imagekit is made again."""
    record = made(store)
    store.blob_path(record.digest).write_bytes(b"cut")

    assert read_record(store, RECIPE) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"diff_id": "sha256:short"},
        {"size_bytes": -1},
        {"files": True},
        {"tar_bytes": None},
        {"glibc": 2.28},
        {"fingerprint": str(Digest.of(b"another"))},
    ],
)
def test_spoiled_record_is_no_record(store: Store, broken: dict[str, object]) -> None:
    """Whatever lies in the store, a record is true or it is not there."""
    value = record_to_json(made(store)) | broken
    store.put_record("layer", RECIPE.hex, value)

    assert read_record(store, RECIPE) is None


def test_json_round_trip(store: Store) -> None:
    """A record survives JSON; what is not known is left out."""
    record = made(store)
    unknown = replace(record, glibc=None, checks=3)

    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record
    assert "glibc" not in record_to_json(unknown)
    assert record_from_json(record_to_json(unknown)) == unknown


def test_record_is_kept_anew(store: Store) -> None:
    """That a layer passed the checks is added to its record."""
    checked = replace(made(store), checks=4)
    keep_record(store, checked)

    assert read_record(store, RECIPE) == checked


def test_layers_are_made_in_threads(store: Store) -> None:
    """Many at once give what one after the other gives."""
    trees = [tree({"a.py": b"%d" % n}) for n in range(8)]
    recipes = [Digest.of(b"%d" % n) for n in range(8)]
    budget, found = Budget(10), dict[Digest, LayerRecord]()

    def work(n: int) -> None:
        with budget.hold(7):
            found[recipes[n]] = make_layer(
                trees[n], root="/opt", fingerprint=recipes[n], store=store
            )

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {recipe: read_record(store, recipe) for recipe in recipes}
    assert [found[recipe].diff_id for recipe in recipes] == [
        Digest.of(tar_bytes(one, "/opt")) for one in trees
    ]


def test_budget_holds_back_what_does_not_fit() -> None:
    """Two that do not fit together go one after the other; the second starts when room is made."""
    budget, entered = Budget(10), threading.Event()

    def second() -> None:
        with budget.hold(6):
            entered.set()

    thread = threading.Thread(target=second)
    with budget.hold(6):
        thread.start()
        assert not entered.wait(0.05)
        with budget.hold(4):
            pass
    thread.join(10)

    assert entered.is_set()


def test_budget_lets_the_largest_in_alone() -> None:
    """What is over the whole budget still goes in, when nothing else is there."""
    budget = Budget(10)
    with budget.hold(10_000):
        pass
    with budget.hold(1), budget.hold(9):
        pass
