"""Every rule has one broken artefact that trips it and nothing else; a sound one trips none."""

from __future__ import annotations

import pytest

from imagekit.check.archive import check_zip
from imagekit.check.findings import Report
from imagekit.check.image import check_image
from imagekit.check.opened import OpenZip
from imagekit.check.rules import rules_table
from tests.check.broken import AWS, BROKEN, SOUND, Artefact
from tests.check.make import sound_zip

IDS = (
    *("M1", "M2", "M2b", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11", "M12", "M13", "M14"),
    *("M15", "M16", "M17", "M18", "M20", "M21", "M22", "M23", "E10"),
    *("T1", "T2", "T3", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T14", "T15"),
    *("P2", "R1", "R3", "R5", "R7", "C6", "C7", "C8", "X1", "X2"),
    *("Z1", "Z2", "Z5", "Z6", "Z7", "Z8", "Z9", "Z10", "Z11", "Z13", "Z14"),
    *("U1", "U2"),
)
"""Scripts read these, so none is renamed or dropped."""

RULES = {rule.id: rule for rule in rules_table()}


def checked(artefact: Artefact) -> Report:
    return check_zip(artefact) if isinstance(artefact, OpenZip) else check_image(artefact)


def test_the_rules_are_these() -> None:
    """An id stays what it was, and each is there once."""
    assert tuple(rule.id for rule in rules_table()) == IDS


def test_every_rule_can_fail() -> None:
    """A check that cannot fail is a defect."""
    assert set(BROKEN) == set(IDS)


@pytest.mark.parametrize("code", IDS)
def test_a_broken_artefact_trips_its_rule_and_nothing_else(code: str) -> None:
    """One thing is wrong, and one thing is said, as severe as the rule is."""
    report = checked(BROKEN[code]())

    assert [finding.rule for finding in report.findings] == [code], report.findings
    assert report.findings[0].severity == RULES[code].severity or code == "P2"
    assert report.findings[0].lambda_says == RULES[code].lambda_says
    assert code in report.rules_run


@pytest.mark.parametrize("code", [rule.id for rule in rules_table() if rule.severity == "error"])
def test_an_error_says_what_lambda_would(code: str) -> None:
    """Where AWS's own words are known, the report has them."""
    unknown = {"M8", "M9", "M13", "M17", "M20", "T8"}

    assert (RULES[code].lambda_says is None) == (code in unknown)


@pytest.mark.parametrize("image", [SOUND, AWS], ids=["debian", "aws"])
def test_a_sound_image_trips_none(image: object) -> None:
    """Neither one that brings the runtime client nor one on AWS's base."""
    assert isinstance(image, type(SOUND))
    report = check_image(image.open())

    assert report.findings == ()
    assert report.unseen == ()
    assert report.passes(strict=True)


def test_a_sound_zip_trips_none() -> None:
    """Source at its root, modes stored."""
    assert check_zip(sound_zip()).findings == ()


def test_the_sound_ones_are_judged_by_every_rule() -> None:
    """No rule passes because it was never asked."""
    run = {*check_image(SOUND.open()).rules_run, *check_zip(sound_zip()).rules_run}

    assert run == set(IDS)
