"""Calendar tags: newer ones of the same scheme, and nothing that only looks like one."""

from __future__ import annotations

from datetime import date

import pytest

from imagekit.bases.tags import calendar, newer, newest


@pytest.mark.parametrize(
    ("tag", "day", "serial", "architecture"),
    [
        ("2026.11.18", date(2026, 11, 18), (), None),
        ("2026.11.18-2", date(2026, 11, 18), (2,), None),
        ("v2026.11.18", date(2026, 11, 18), (), None),
        ("2026-11-18", date(2026, 11, 18), (), None),
        ("20261118", date(2026, 11, 18), (), None),
        ("trixie-20261118-slim", date(2026, 11, 18), (), None),
        ("2026.11.18-x86_64", date(2026, 11, 18), (), "x86_64"),
        ("2026.11.18-12-arm64", date(2026, 11, 18), (12,), "arm64"),
        ("3.13.2026.11.18.12-x86_64", date(2026, 11, 18), (12,), "x86_64"),
        ("2026.11.18-2b", date(2026, 11, 18), (), None),
    ],
)
def test_a_day_is_read(
    tag: str, day: date, serial: tuple[int, ...], architecture: str | None
) -> None:
    """With what counts several of one day, and the architecture that it is for."""
    found = calendar(tag)

    assert found is not None
    assert found.text == tag
    assert found.version == (day, serial)
    assert found.architecture == architecture


@pytest.mark.parametrize(
    "tag",
    [
        *("latest", "3.13", "2026", "2026.11", "2026.13.01", "2026.02.30", "1.2.3", "2026.11-18"),
        *("202611181", "12026.11.18", "2026.11.181", "0926.11.18", "sha-20261118f"),
    ],
)
def test_a_tag_without_a_day(tag: str) -> None:
    """Moves, or is a version of another kind: its digest is compared instead."""
    assert calendar(tag) is None
    assert newer(tag, ["2099.01.01", tag], "x86_64") == ()


def test_newer_ones_are_sorted_by_day_and_number() -> None:
    """Not as text, where -10 comes before -2; older ones and itself are left out."""
    tags = ["2026.12.01-10", "2026.11.17", "2026.12.01", "2026.11.18", "2026.12.01-2", "latest"]

    assert newer("2026.11.18", tags, "x86_64") == ("2026.12.01", "2026.12.01-2", "2026.12.01-10")
    assert newest("2026.11.18", tags, "x86_64") == "2026.12.01-10"


def test_another_scheme_is_another_image() -> None:
    """What stands around the day tells them apart."""
    tags = ["v2026.12.01", "2026-12-01", "20261201", "2026.12.01-slim", "3.14.2026.12.01", "x"]

    assert newer("2026.11.18", tags, "x86_64") == ()
    assert newer("2026.11.18-slim", tags, "x86_64") == ("2026.12.01-slim",)
    assert newer("3.14.2026.11.18", tags, "arm64") == ("3.14.2026.12.01",)


def test_tags_of_the_other_architecture_are_not_newer() -> None:
    """Each architecture has a tag of its own (decision 11)."""
    tags = ["2026.12.01-x86_64", "2026.11.20-arm64"]

    assert newest("2026.11.18-x86_64", tags, "x86_64") == "2026.12.01-x86_64"
    assert newest("2026.11.18-arm64", tags, "arm64") == "2026.11.20-arm64"
    assert newest("2026.11.18", tags, "arm64") == "2026.11.20-arm64"


def test_a_version_under_two_tags_counts_once() -> None:
    """The one that is written as the tag in use."""
    tags = ["2026.12.01", "2026.12.01-arm64", "2026.12.01-x86_64"]

    assert newer("2026.11.18", tags, "arm64") == ("2026.12.01",)
    assert newer("2026.11.18-arm64", tags, "arm64") == ("2026.12.01-arm64",)
    assert newer("2026.11.18-arm64", tags[:1], "arm64") == ("2026.12.01",)


def test_nothing_newer_is_the_tag_itself() -> None:
    """Also where the registry does not list it any more."""
    assert newest("2026.11.18", [], "x86_64") == "2026.11.18"
    assert newest("2026.11.18", ["2026.11.01"], "x86_64") == "2026.11.18"
