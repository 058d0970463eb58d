"""Bases in words: each line says what happened and, where something can be done, what to type."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from imagekit.bases.compare import Difference
from imagekit.bases.listed import Listed, PinnedBase, Saving
from imagekit.bases.outdated import Look, exit_status
from imagekit.model.base import BaseFacts
from imagekit.model.digest import Digest
from imagekit.project.lock_values import BasePin
from imagekit.report.bases import difference_words, look_lines, looks_line, move, reminder
from imagekit.report.bases_listed import listed_lines

TODAY = date(2026, 11, 21)
ONE, TWO = Digest("1" * 64), Digest("2" * 64)
FACTS = BaseFacts(
    python="3.13.5",
    glibc="2.41",
    interpreter="/usr/bin/python3.13",
    runtime_client=False,
    unzipped_bytes=164_000_000,
    packages=(("pandas", "3.1.0"),),
)
PIN = BasePin(
    name="team",
    architecture="x86_64",
    reference=f"r.example/team:2026.11.18@{ONE}",
    digest=ONE,
    family="oci",
    facts=FACTS,
    inputs=ONE,
)
LOOK = Look(
    name="team",
    architecture="x86_64",
    functions=("scoring", "features"),
    status="behind",
    reference=PIN.reference,
    newer=f"r.example/team:2026.12.01@{TWO}",
    tags=("2026.11.20", "2026.12.01"),
    difference=Difference(packages=("pandas 3.1.0→3.1.1",)),
)


def test_a_base_that_is_behind() -> None:
    """From where to where, what differs, who uses it."""
    assert list(look_lines([LOOK], TODAY)) == [
        "team  x86_64  behind: 2026.11.18 → 2026.12.01, 1 more between them",
        "    pandas 3.1.0→3.1.1",
        "    used by scoring, features",
    ]


def test_columns_line_up() -> None:
    """However long a name is."""
    other = replace(LOOK, name="data-science", architecture="arm64", status="folder")
    first, *_, last = look_lines([LOOK, other], TODAY)

    assert first.index("behind") == last.index("a folder")


@pytest.mark.parametrize(
    ("looks", "words", "status"),
    [
        ([], "no function here is an image, and no base is made here", 0),
        ([replace(LOOK, status="current")], "nothing is behind", 0),
        ([LOOK], "1 base is behind; next: imagekit lock --upgrade-base team", 1),
        ([LOOK, replace(LOOK, architecture="arm64")], "1 base is behind; next: ", 1),
        ([LOOK, replace(LOOK, name="b")], "2 bases are behind; next: imagekit lock --up", 1),
        ([LOOK, replace(LOOK, name="b", status="unknown")], "; could not look at b; next", 1),
        ([replace(LOOK, status="unknown")], "could not look at team", 3),
        ([replace(LOOK, functions=())], "next: imagekit base publish team --upgrade", 1),
        ([replace(LOOK, held=True)], "next: name the newer digest of team", 1),
    ],
)
def test_the_end_of_it(looks: list[Look], words: str, status: int) -> None:
    """One line, one exit status."""
    assert words in looks_line(looks)
    assert "\n" not in looks_line(looks)
    assert exit_status(looks) == status


def test_a_move_of_the_lock() -> None:
    """By tag; by digest where the tag is the same; nothing newer is said as such."""
    newer = replace(
        PIN,
        reference=f"r.example/team:2026.12.01@{TWO}",
        digest=TWO,
        facts=replace(FACTS, packages=(("pandas", "3.1.1"),), glibc="2.42"),
    )

    assert move(PIN, newer) == "2026.11.18 → 2026.12.01: pandas 3.1.0→3.1.1; glibc 2.41→2.42"
    moved = replace(PIN, reference=f"r.example/team:2026.11.18@{TWO}", digest=TWO)
    assert move(PIN, moved) == "111111111111 → 222222222222: the same packages"
    assert move(PIN, replace(PIN, pinned=TODAY)) == "has nothing newer"


def test_many_packages_are_counted() -> None:
    """A line stays a line."""
    found = Difference(
        packages=tuple(f"+p{number} 1" for number in range(20)),
        unzipped_bytes=(5_000_000, 4_000_000),
        runtime_client=(False, True),
    )

    assert list(difference_words(found)) == [
        "+p0 1, +p1 1, +p2 1, +p3 1, +p4 1, +p5 1, +p6 1, +p7 1 and 12 more",
        "brings a Lambda runtime client",
        "4 MB (-1 MB)",
    ]


def test_a_reminder_is_one_line_for_all() -> None:
    """Each base once, whatever its architectures; the oldest counts."""
    line = reminder([("team", 46), ("team", 50), ("python3.13", 80)])

    assert line == (
        "note: team, python3.13 were pinned 80 days ago: `imagekit base outdated` says what is "
        "newer, `imagekit lock --upgrade-base team --upgrade-base python3.13` takes it"
    )


LISTED = Listed(
    name="team",
    origin="r.example/team:2026.11.18",
    problem=None,
    pins=(PinnedBase(architecture="x86_64", reference=PIN.reference, day=None, facts=FACTS),),
    functions=("scoring", "features"),
    savings=(
        Saving(
            function="scoring",
            architecture="x86_64",
            packages=("pandas",),
            unzipped_bytes=43_000_000,
        ),
        Saving(function="features", architecture="x86_64", packages=None, unzipped_bytes=0),
    ),
)


def test_what_is_not_known_is_not_made_up() -> None:
    """The day of an older lock, and what a function has that was never built."""
    _, pin, used, saved = listed_lines([LISTED], TODAY)

    assert "pinned on a day that the lock does not say" in pin
    assert used.strip() == "used by scoring, features"
    assert saved.strip() == (
        "saves 43 MB of packages, unzipped, in 1 function; "
        "of features not known before the first build"
    )
    nothing = replace(LISTED, savings=LISTED.savings[1:])
    assert "not known before the first build" in list(listed_lines([nothing], TODAY))[-1]
