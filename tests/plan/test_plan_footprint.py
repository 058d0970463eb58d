"""A plan's bytes by category, with bytecode as far as it is known."""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.model.digest import Digest
from imagekit.model.footprint import Amount, Footprint, tally
from imagekit.model.image import LayerRecord
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.footprint import Known, plan_footprint
from imagekit.plan.weights import foreseen_weights
from tests.plan.plans import app, layer, package, zip_plan

CATEGORIES = {
    "numpy": tally([("numpy/a.py", 1_000), ("numpy/a.so", 9_000)]),
    "six": tally([("six.py", 100)]),
}


KNOWN = Known(
    categories=CATEGORIES,
    sources={package("numpy").recipe: 1_000, package("six").recipe: 100},
    records={},
)


PLAN = zip_plan(
    layer("shared", package("numpy"), package("six"), size_bytes=10_100),
    layer("source", size_bytes=10, files=app(10)),
)


def made(layer: LayerPlan, unzipped_bytes: int) -> LayerRecord:
    return LayerRecord(
        fingerprint=layer.fingerprint,
        diff_id=Digest.of(b"d"),
        digest=Digest.of(b"b"),
        size_bytes=5_000,
        unzipped_bytes=unzipped_bytes,
        tar_bytes=20_000,
        files=4,
    )


def footprint(plan: BuildPlan, known: Known) -> Footprint:
    return plan_footprint(plan, known, foreseen_weights(plan, known.sources, known.records))


def test_files_are_counted_and_bytecode_is_foreseen() -> None:
    """107 bytes of bytecode for 100 of sources on 3.13; said to be an estimate."""
    found = footprint(PLAN, KNOWN)

    assert dict(found.categories) == {
        "own": Amount(10, 1),
        "python": Amount(1_100, 2),
        "libraries": Amount(9_000, 1),
        "bytecode": Amount(1_070 + 107 + 10),
    }
    assert found.estimated == ("bytecode",)
    assert [one.label for one in found.packages] == ["numpy 1.0", "six 1.0", "source"]


def test_without_bytecode_there_is_none() -> None:
    """Asked not to, or no room for it."""
    none = footprint(replace(PLAN, bytecode=None), KNOWN)
    crowded = footprint(replace(PLAN, limit_bytes=10_110 + 1), KNOWN)

    assert "bytecode" not in dict(none.categories)
    assert none.estimated == ()
    assert "bytecode" not in dict(crowded.categories)


def test_a_layer_that_was_made_tells_its_bytecode() -> None:
    """Its record has the sum; the packages share it by their sources."""
    shared, source = PLAN.layers
    records = {
        shared.fingerprint: made(shared, 10_100 + 1_103),
        source.fingerprint: made(source, 10 + 20),
    }

    found = footprint(PLAN, replace(KNOWN, records=records))

    assert found.estimated == ()
    assert dict(found.categories)["bytecode"] == Amount(1_103 + 20)
    assert found.layers[0].size_bytes == 5_000
    assert dict(found.layers[0].packages[0].categories)["bytecode"] == Amount(1_003)


def test_what_nobody_counted_is_known_in_sum() -> None:
    """An image told the weights alone: the total is right all the same."""
    known = replace(KNOWN, categories={"six": CATEGORIES["six"]})

    found = footprint(replace(PLAN, bytecode=None), known)

    assert found.layers[0].uncounted_bytes == 10_000
    assert found.amount.unzipped_bytes == 10_110


def test_what_imagekit_adds_is_in_the_sum() -> None:
    """The loader of a ZIP that unpacks at start is nobody's package."""
    weights = foreseen_weights(replace(PLAN, bytecode=None), {}, {}, 500)

    found = plan_footprint(PLAN, KNOWN, weights)

    assert (found.layers[-1].name, found.amount.unzipped_bytes) == ("imagekit's own", 10_610)
