"""What a plan and a refusal say of bytes, budgets and ways to less."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from imagekit.model.advice import Way
from imagekit.model.budget import Grown, Overrun, Spent
from imagekit.model.errors import OverBudget, TooLarge
from imagekit.model.footprint import Footprint, LayerFootprint, PackageFootprint, tally
from imagekit.report.errors import words
from imagekit.report.json import document
from imagekit.report.outcome import plan_lines
from imagekit.report.plan import spent_lines, way_lines
from tests.report.test_outcome import ZIP

MB = 1_000_000
FLIGHT = Way(
    what="pyarrow 26.0.1 (171 MB) without its Flight client",
    write=('drop = ["pyarrow/libarrow_flight.so*"]',),
    costs="pyarrow.flight",
    saves_bytes=33 * MB,
    total_bytes=235 * MB,
    fits=True,
)
UNZIPPED = Spent(key="unzipped", limit_bytes=250 * MB, used_bytes=268 * MB)


def test_a_plan_says_what_it_holds_its_budget_and_ways() -> None:
    """Between the size and the layers; nothing where nothing is known."""
    package = PackageFootprint(name="a", categories=tally([("a.so", 3 * MB), ("a.pyc", MB)]))
    footprint = Footprint(
        name="app",
        packaging="zip",
        limit_bytes=262 * MB,
        layers=(LayerFootprint(name="a", kind="packages", packages=(package,)),),
        estimated=("bytecode",),
    )

    told = replace(ZIP, footprint=footprint, spent=(UNZIPPED,), ways=(FLIGHT,))
    text = "\n".join(plan_lines(told))
    bare = "\n".join(plan_lines(ZIP))

    assert "  holds     shared libraries 3 MB, bytecode about 1 MB\n" in text
    assert "  budget    unzipped 268 MB of 250 MB (107 %); 18 MB too much\n" in text
    assert "  smaller   pyarrow 26.0.1 (171 MB) without its Flight client: 33 MB less" in text
    assert not {"holds", "budget", "smaller"} & set(bare.split())


def test_the_plans_json_has_the_same_values() -> None:
    """Added keys of the same schema; left out where nothing is known."""
    told = replace(ZIP, spent=(UNZIPPED,), ways=(FLIGHT,))
    (function,) = json.loads(document([told]))["functions"]
    (bare,) = json.loads(document([ZIP]))["functions"]

    assert function["budget"][0]["left_bytes"] == -18 * MB
    assert function["ways"][0]["write"] == ['drop = ["pyarrow/libarrow_flight.so*"]']
    assert not {"footprint", "budget", "ways"} & bare.keys()


@pytest.mark.parametrize(
    ("spent", "line"),
    [
        (
            replace(UNZIPPED, used_bytes=200 * MB, foreseen_bytes=MB),
            "  budget    unzipped about 200 MB of 250 MB (80 %); 50 MB left",
        ),
        (
            Spent(key="growth", limit_bytes=10 * MB, used_bytes=2 * MB),
            "  budget    2 MB more than the last build; 10 MB allowed",
        ),
        (
            Spent(key="growth", limit_bytes=10 * MB, used_bytes=-2 * MB),
            "  budget    less than the last build; 10 MB allowed",
        ),
    ],
)
def test_a_budget_is_told_as_a_distance(spent: Spent, line: str) -> None:
    """What is foreseen is about that much."""
    assert list(spent_lines([spent])) == [line]


def test_a_way_says_whether_it_does_it_what_it_costs_and_what_to_write() -> None:
    """What nobody knows before the build is not a number."""
    unknown = Way(what="debug symbols, too", write=('slim = "max"',))
    short = replace(FLIGHT, fits=False, costs="")

    assert list(way_lines([FLIGHT, unknown]))[1:3] == [
        "            costs pyarrow.flight",
        '              drop = ["pyarrow/libarrow_flight.so*"]',
    ]
    assert "235 MB: the ZIP fits" in next(way_lines([FLIGHT]))
    assert "does not fit yet" in next(way_lines([short]))
    assert "known once it was built" in next(way_lines([unknown]))


def test_a_zip_that_is_too_large_says_what_would_make_it_fit() -> None:
    """In the error itself: where it stops is where it is read."""
    error = TooLarge(
        what="the ZIP", limit_bytes=262 * MB, actual_bytes=268 * MB, ways=(FLIGHT,), hint="x"
    )

    text = words(error)

    assert "without its Flight client" in text
    assert 'drop = ["pyarrow/libarrow_flight.so*"]' in text


def test_a_budget_that_is_broken_names_what_grew() -> None:
    """Every artefact at once, with its architecture."""
    grown = (
        Grown(label="pandas 3.1.1", before_bytes=45 * MB, after_bytes=61 * MB),
        Grown(label="scipy 1.18.1", before_bytes=None, after_bytes=115 * MB),
    )
    overrun = Overrun(
        function="app", architecture="arm64", spent=(UNZIPPED,), grown=grown, compared=True
    )
    other = replace(overrun, function="other", grown=(), compared=False)

    text = words(OverBudget(overruns=(overrun, other), hint="less"))

    assert text.splitlines()[:3] == [
        "error: app, other are over their budget",
        "  app (arm64): unzipped 268 MB of 250 MB (18 MB too much)",
        "  app (arm64): since the last build: pandas 3.1.1 16 MB more (45 MB → 61 MB), "
        "scipy 1.18.1 115 MB",
    ]


def test_layers_have_bars_on_a_terminal_alone() -> None:
    """The heaviest has the longest; a program reads the same words without them."""
    drawn, piped = list(plan_lines(ZIP, 100)), list(plan_lines(ZIP))

    assert any("█" in line for line in drawn)
    assert not any("█" in line for line in piped)
    assert max(map(len, drawn[-len(ZIP.layers) :])) <= 100
