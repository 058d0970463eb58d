"""What lies in a layer, kept between two versions of a base."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.bases.kept_listing import KIND, keep_listing, kept_listing
from imagekit.model.digest import Digest
from imagekit.store import Store
from tests.bases.fake import DEBIAN, Entry, Layer, device, entries, folder

RECORD = b"six.py,,\nsix-1.17.dist-info/RECORD,,\n"
LAYER = Layer.of(
    [
        *entries(DEBIAN),
        Entry(path="opt/python/six-1.17.dist-info/RECORD", data=RECORD),
        Entry(path="etc/.wh.gone"),
        Entry(path="srv/.wh..wh..opq"),
        Entry(path="odd/\udcff"),
        folder("var"),
        device("dev/null"),
    ]
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """With the listing of LAYER."""
    found = Store(tmp_path)
    keep_listing(found, LAYER.descriptor.digest, LAYER.diff_id, LAYER.listing())
    return found


def test_nothing_is_lost(store: Store) -> None:
    """Kinds, links, versions, sizes, what a RECORD names, what is taken away, odd names."""
    found = kept_listing(store, LAYER.descriptor.digest, LAYER.diff_id)

    assert found == LAYER.listing()
    assert found is not None
    assert found.nodes["opt/python/six-1.17.dist-info/RECORD"].paths[0] == "six.py"
    assert found.removed == {"etc/gone"}
    assert found.emptied == {"srv"}


def test_another_layer_and_another_diff_id_are_read(store: Store) -> None:
    """An image that names a layer by a wrong diff_id must not pass because of what is kept."""
    other = Digest.of(b"other")

    assert kept_listing(store, other, LAYER.diff_id) is None
    assert kept_listing(store, LAYER.descriptor.digest, other) is None


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 0},
        {"nodes": {"a": {"k": 99}}},
        {"nodes": {"a": 1}},
        {"nodes": {"a": {"k": 0, "v": [1]}}},
        {"tar_bytes": "many"},
        {"removed": 1},
    ],
    ids=str,
)
def test_a_record_that_is_none_is_read_again(store: Store, change: dict[str, object]) -> None:
    """Written by another version, or spoilt."""
    key = LAYER.descriptor.digest.hex
    found = store.record(KIND, key)
    assert found is not None
    store.put_record(KIND, key, {**found, **change})

    assert kept_listing(store, LAYER.descriptor.digest, LAYER.diff_id) is None
