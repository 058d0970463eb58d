"""What differs between two versions of a base, and how old a pin is."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from imagekit.bases.age import OLD_DAYS, days_since, is_old
from imagekit.bases.compare import Difference, compare
from imagekit.model.base import BaseFacts

FACTS = BaseFacts(
    python="3.13.5",
    glibc="2.41",
    interpreter="/usr/bin/python3.13",
    runtime_client=False,
    unzipped_bytes=164_000_000,
    packages=(("pandas", "3.1.0"), ("six", "1.17.0")),
)


def test_the_same_facts_differ_in_nothing() -> None:
    """As after a rebuild that only moved the digest."""
    assert compare(FACTS, FACTS).nothing


def test_all_that_a_project_would_notice() -> None:
    """Packages moved, added, removed; Python, glibc, size, the runtime client."""
    after = replace(
        FACTS,
        python="3.13.7",
        glibc="2.42",
        runtime_client=True,
        unzipped_bytes=170_000_000,
        packages=(("attrs", "26.1"), ("pandas", "3.1.1")),
    )

    assert compare(FACTS, after) == Difference(
        packages=("pandas 3.1.0→3.1.1", "+attrs 26.1", "-six"),
        python=("3.13.5", "3.13.7"),
        glibc=("2.41", "2.42"),
        unzipped_bytes=(164_000_000, 170_000_000),
        runtime_client=(False, True),
    )


def test_how_the_bytes_of_packages_are_known_is_no_difference() -> None:
    """A lock that was written before they were read does not make a base look changed."""
    assert compare(FACTS, replace(FACTS, package_bytes=(("six", 1),))).nothing


@pytest.mark.parametrize(("days", "old"), [(0, False), (OLD_DAYS, False), (OLD_DAYS + 1, True)])
def test_a_pin_is_old_after_45_days(days: int, old: bool) -> None:
    """Not on the 45th day itself."""
    today = date(2026, 11, 21)
    pinned = date.fromordinal(today.toordinal() - days)

    assert days_since(pinned, today) == days
    assert is_old(pinned, today) is old


def test_an_unknown_or_future_day_is_not_old() -> None:
    """Locks of before, and a colleague whose clock is ahead."""
    assert days_since(None, date(2026, 11, 21)) is None
    assert not is_old(None, date(2026, 11, 21))
    assert days_since(date(2026, 11, 22), date(2026, 11, 21)) == 0
