"""A base as a record in the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.bases.record import (
    base_from_json,
    base_to_json,
    keep,
    load_pinned,
    note_published,
    published_as,
)
from imagekit.model.base import Base, BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.image import LAYER, Descriptor, History, ImageConfig
from imagekit.store import Store

BLOB = b"layer"
BASE = Base(
    name="team",
    reference=f"one.example/base:1@{Digest.of(b'manifest')}",
    digest=Digest.of(b"manifest"),
    family="docker",
    config=ImageConfig(
        architecture="arm64",
        variant="v8",
        env=(("PATH", "/usr/bin"), ("A", "b=c")),
        entrypoint=("/entry.sh",),
        command=("x",),
        working_dir="/var/task",
        labels=(("k", "v"),),
        user="nobody",
        created="2026-01-01T00:00:00Z",
        diff_ids=(Digest.of(b"tar"),),
        history=(History(created_by="them"), History(created_by="ENV", empty_layer=True)),
    ),
    layers=(Descriptor(media_type=LAYER["docker"], digest=Digest.of(BLOB), size_bytes=len(BLOB)),),
    facts=BaseFacts(
        python="3.13.5",
        glibc="2.41",
        interpreter="/usr/bin/python3.13",
        runtime_client=True,
        unzipped_bytes=4096,
        packages=(("boto3", "1.40.4"), ("six", "1.17")),
        package_bytes=(("boto3", 1_200_000),),
    ),
)


def test_nothing_is_lost_in_json() -> None:
    """What is read back is the same value."""
    assert base_from_json(json.loads(json.dumps(base_to_json(BASE)))) == BASE


def test_a_store_that_never_saw_it(tmp_path: Path) -> None:
    """None, and no error."""
    assert load_pinned(Store(tmp_path), BASE.digest) is None


def test_kept_and_loaded(tmp_path: Path) -> None:
    """A base in a registry needs no blob here."""
    store = Store(tmp_path)
    keep(store, BASE)

    assert load_pinned(store, BASE.digest) == BASE


def test_a_base_of_the_store_needs_its_layers(tmp_path: Path) -> None:
    """A record whose blobs were removed is no base: it is made anew."""
    store, mine = Store(tmp_path), replace(BASE, in_store=True)
    keep(store, mine)

    assert load_pinned(store, BASE.digest) is None
    store.put_blob(BLOB)
    assert load_pinned(store, BASE.digest) == mine


@pytest.mark.parametrize("key", ["family", "config", "layers", "facts", "digest"])
def test_a_record_of_another_form(tmp_path: Path, key: str) -> None:
    """As another version may have written it: it counts as absent."""
    store, value = Store(tmp_path), base_to_json(BASE)
    store.put_record("base", BASE.digest.hex, value | {key: "?"})

    assert load_pinned(store, BASE.digest) is None


@pytest.mark.parametrize(
    "key", ["python", "glibc", "interpreter", "runtime_client", "unzipped_bytes"]
)
def test_facts_are_whole(key: str) -> None:
    """A plan needs each of them."""
    value = base_to_json(BASE)
    facts = value["facts"]
    assert isinstance(facts, dict)
    del facts[key]

    with pytest.raises((ValueError, CannotBuild)):
        base_from_json(value)


def test_layers_in_two_places(tmp_path: Path) -> None:
    """A composed base: what a registry has need not be here, what the store alone has must be."""
    mine, theirs = BASE.layers[0], replace(BASE.layers[0], digest=Digest.of(b"theirs"))
    there = "one.example/base:1"
    mixed = replace(BASE, layers=(theirs, mine), origins=(there, None), published="two.example/b:1")
    store = Store(tmp_path)
    keep(store, mixed)

    assert mixed.places == (there, None)
    assert not mixed.here
    assert load_pinned(store, BASE.digest) is None
    store.put_blob(BLOB)
    assert load_pinned(store, BASE.digest) == mixed


def test_one_origin_for_each_layer() -> None:
    """A record that another version wrote otherwise counts as absent."""
    with pytest.raises(ValueError, match="not one origin for each layer"):
        base_from_json(base_to_json(BASE) | {"origins": ["", ""]})


def test_where_a_base_was_published(tmp_path: Path) -> None:
    """Noted with the record, and only there: another composing of the same bytes keeps it."""
    store = Store(tmp_path)
    note_published(store, BASE.digest, "two.example/base:1")
    assert published_as(store, BASE.digest) is None

    keep(store, BASE)
    note_published(store, BASE.digest, "two.example/base:1")
    assert published_as(store, BASE.digest) == "two.example/base:1"
    assert load_pinned(store, BASE.digest) == replace(BASE, published="two.example/base:1")
