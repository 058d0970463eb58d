"""How much of a budget is used, and what grew."""

from __future__ import annotations

import pytest

from imagekit.model.budget import Budget, Spent
from imagekit.plan.budget import Weighed, grown, spent

BEFORE = Weighed(packages={"a": 100, "b": 50}, versions={"a": "1", "b": "1"}, source_bytes=10)
NOW = Weighed(packages={"a": 130, "c": 20}, versions={"a": "2", "c": "1"}, source_bytes=12)


def test_each_limit_is_judged_by_itself() -> None:
    """What is not limited is not told."""
    budget = Budget(unzipped_bytes=200, compressed_bytes=100)

    found = spent(budget, unzipped_bytes=210, compressed_bytes=90, now=NOW)

    assert found == (
        Spent(key="unzipped", limit_bytes=200, used_bytes=210),
        Spent(key="compressed", limit_bytes=100, used_bytes=90),
    )
    assert [one.left_bytes for one in found] == [-10, 10]
    assert spent(Budget(), unzipped_bytes=1, now=NOW) == ()


def test_what_is_not_made_has_no_compressed_size() -> None:
    """A plan cannot judge it; the build does."""
    assert spent(Budget(compressed_bytes=1), unzipped_bytes=210, now=NOW) == ()


@pytest.mark.parametrize(
    ("budget", "limit"), [(Budget(growth_percent=10), 16), (Budget(growth_bytes=5), 5)]
)
def test_growth_is_of_packages_and_source_since_the_build_before(
    budget: Budget, limit: int
) -> None:
    """What went and what came are added up."""
    (found,) = spent(budget, unzipped_bytes=0, now=NOW, before=BEFORE)

    assert found == Spent(key="growth", limit_bytes=limit, used_bytes=2)


def test_without_a_build_before_nothing_grew() -> None:
    """The first build of a function is no growth."""
    assert spent(Budget(growth_bytes=0), unzipped_bytes=9, now=NOW) == ()


def test_a_source_that_nobody_noted_is_left_out_of_both() -> None:
    """An image tells what its packages weigh, not its source."""
    told = Weighed(packages={"a": 100, "b": 50})

    (found,) = spent(Budget(growth_bytes=0), unzipped_bytes=0, now=NOW, before=told)

    assert found.used_bytes == 0
    assert "source" not in [one.label for one in grown(NOW, told)]


def test_what_grew_most_comes_first() -> None:
    """New ones whole, others by the difference; what shrank is not named."""
    found = grown(NOW, BEFORE)

    assert [(one.label, one.before_bytes, one.more_bytes) for one in found] == [
        ("a 2", 100, 30),
        ("c 1", None, 20),
        ("source", 10, 2),
    ]


def test_without_a_build_before_the_heaviest_are_named() -> None:
    """Somebody has to begin somewhere."""
    assert [one.label for one in grown(NOW, None)] == ["a 2", "c 1", "source"]
