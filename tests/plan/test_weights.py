"""What layers weigh with their bytecode, before and after it was compiled."""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.model.packaging import Unpacks
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.weights import Weights, counted_bytes, foreseen_weights, plain_weights
from tests.plan.plans import app, layer, package, zip_plan

PLAN = zip_plan(
    layer("numpy", package("numpy"), size_bytes=10_000),
    layer("boto3", package("boto3"), size_bytes=5_000),
    layer("source", size_bytes=100, files=app(100)),
)
SOURCES = {package("numpy").recipe: 2_000, package("boto3").recipe: 4_000}


def foreseen(plan: BuildPlan, added_bytes: int = 0) -> Weights:
    return foreseen_weights(plan, SOURCES, {}, added_bytes)


def test_bytecode_is_foreseen_layer_by_layer() -> None:
    """107 bytes for 100 of sources on 3.13; layers and what is added make up the whole."""
    found = foreseen(PLAN, added_bytes=7)

    assert found.layers == (10_000 + 2_140, 5_000 + 4_280, 100 + 107)
    assert found.foreseen_bytes == 2_140 + 4_280 + 107
    assert counted_bytes(PLAN, found) == sum(found.layers) + 7


def test_without_bytecode_nothing_is_foreseen() -> None:
    """What is left is exact."""
    plan = replace(PLAN, bytecode=None)

    assert foreseen(plan) == plain_weights(plan, {}) == Weights(layers=(10_000, 5_000, 100))


def test_near_the_limit_what_is_kept_fills_the_zip() -> None:
    """The smallest parts keep theirs whole, the others share what is left: never the limit itself,
    which Lambda refuses (Z1)."""
    tight = replace(PLAN, limit_bytes=15_100 + 107 + 2_140 + 1_000 + 1)

    found = foreseen(tight)
    over = foreseen(replace(PLAN, limit_bytes=15_100))

    assert found.layers == (10_000 + 2_140, 5_000 + 1_000, 100 + 107)
    assert counted_bytes(tight, found) == tight.limit_bytes - 1
    assert (over.layers, over.foreseen_bytes) == ((10_000, 5_000, 100), 0)


def test_an_image_keeps_all_of_it() -> None:
    """Its limit is far away, and no reason to leave bytecode out; a layer that was made is known
    to the byte."""
    plan = replace(PLAN, packaging="image", limit_bytes=16_000)
    first = plan.layers[0]
    record = LayerRecord(
        fingerprint=first.fingerprint,
        diff_id=Digest.of(b"d"),
        digest=Digest.of(b"b"),
        size_bytes=1,
        unzipped_bytes=12_345,
        tar_bytes=1,
        files=1,
    )

    found = foreseen_weights(plan, SOURCES, {first.fingerprint: record})

    assert found.layers == (12_345, 5_000 + 4_280, 100 + 107)
    assert found.foreseen_bytes == 4_280 + 107


def test_what_is_unpacked_at_start_counts_as_the_archive_that_it_is() -> None:
    """In the ZIP by its compressed size, in a bucket not at all; in `/tmp` whole."""
    inside = Unpacks(layers=("numpy",), packed_bytes=3_000, unpacked_bytes=12_140, disk_bytes=1)
    nested = replace(PLAN, packaging="zip-nested", unpacks=inside)
    away = replace(nested, packaging="zip-s3", unpacks=replace(inside, bucket="b"))

    assert foreseen(nested).layers[0] == 12_140
    assert counted_bytes(nested, foreseen(nested, 50)) == 3_000 + 50 + 9_280 + 207
    assert counted_bytes(away, foreseen(away, 50)) == 50 + 9_280 + 207
    assert foreseen(away).foreseen_bytes == 4_280 + 107


def test_layers_of_others_take_room() -> None:
    """They count towards the limit of a function with its own."""
    plan = replace(PLAN, packaging="zip-layers", others_bytes=1_000, limit_bytes=17_000)

    assert counted_bytes(plan, foreseen(plan)) == 16_999
