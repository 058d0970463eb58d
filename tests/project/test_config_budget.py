"""`budget`: limits of the team's own, with units, inherited limit by limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.budget import NO_BUDGET, Budget
from tests.project.test_config import HELLO, only, refused, told

PROJECT = "[tool.imagekit.budget]\n"
WHERE = "pyproject.toml: tool.imagekit.budget"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('unzipped = "200 MB"', Budget(unzipped_bytes=200_000_000)),
        ('unzipped = "200MiB"', Budget(unzipped_bytes=200 * 2**20)),
        ('compressed = "1.5 GB"', Budget(compressed_bytes=1_500_000_000)),
        ('growth = "10 MB"', Budget(growth_bytes=10_000_000)),
        ('growth = "5 %"', Budget(growth_percent=5.0)),
        ('growth = "0.5%"', Budget(growth_percent=0.5)),
        ('growth = "0 MB"', Budget(growth_bytes=0)),
    ],
)
def test_sizes_have_units_and_growth_may_be_a_share(
    tmp_path: Path, line: str, expected: Budget
) -> None:
    """Decimal units as Lambda writes its limits, binary ones where they are written."""
    assert only(tmp_path, f"{PROJECT}{line}\n{HELLO}").budget == expected


def test_without_the_key_nothing_is_limited(tmp_path: Path) -> None:
    """Lambda's own limits hold all the same."""
    assert only(tmp_path, HELLO).budget == NO_BUDGET


def test_a_functions_limits_win_one_by_one(tmp_path: Path) -> None:
    """A team's budget for all, and another size for the large one; growth is one limit."""
    text = f'{PROJECT}unzipped = "100 MB"\ncompressed = "50 MB"\ngrowth = "5 %"\n{HELLO}'

    found = only(tmp_path, f'{text}budget = {{ unzipped = "300 MB", growth = "2 MB" }}\n').budget

    assert found == Budget(
        unzipped_bytes=300_000_000, compressed_bytes=50_000_000, growth_bytes=2_000_000
    )


@pytest.mark.parametrize(
    ("line", "key", "what", "hint"),
    [
        ("unzipped = 200", "unzipped", "200 has no unit", 'write `unzipped = "200 B"`'),
        ("unzipped = -5", "unzipped", "-5 is not a size", 'write `unzipped = "200 MB"`'),
        ("unzipped = 0", "unzipped", "0 is not a size", 'write `unzipped = "200 MB"`'),
        ("unzipped = 5.5", "unzipped", "5.5 has no unit", 'write `unzipped = "5 B"`'),
        ("unzipped = nan", "unzipped", "nan is not a size", 'write `unzipped = "200 MB"`'),
        ("growth = 0", "growth", "0 has no unit", 'write `growth = "0 B"`'),
        ("growth = -1", "growth", "-1 is not a size", 'write `growth = "5 %"`'),
        ('unzipped = "200"', "unzipped", "'200' has no unit", 'write `unzipped = "200 MB"`'),
        ('unzipped = "big"', "unzipped", "'big' is not a size", 'write `unzipped = "200 MB"`'),
        ('unzipped = "5 %"', "unzipped", "'5 %' is not a size", 'write `unzipped = "200 MB"`'),
        ('unzipped = "0 MB"', "unzipped", "must be more than nothing", None),
        ('unzipped = "-1 MB"', "unzipped", "'-1 MB' is not a size", None),
        ("compressed = true", "compressed", "True must be text", None),
        ('growth = "fast"', "growth", "'fast' is not a size", 'write `growth = "5 %"`'),
        ("growth = []", "growth", "[] must be text", None),
        (
            'unziped = "1 MB"',
            "unziped",
            "unknown key; did you mean `unzipped`?",
            "rename `unziped` to `unzipped` in pyproject.toml",
        ),
    ],
)
def test_what_is_no_limit_is_refused_with_what_to_write(
    tmp_path: Path, line: str, key: str, what: str, hint: str | None
) -> None:
    """A limit without a unit would be a guess."""
    error = refused(tmp_path, f"{PROJECT}{line}\n{HELLO}")

    assert told(error) == {f"{WHERE}.{key}": what}
    assert hint is None or error.hint == hint


def test_every_wrong_limit_is_told_at_once(tmp_path: Path) -> None:
    """Of the project and of the function."""
    error = refused(tmp_path, f'{PROJECT}unzipped = "x"\ncompressed = 5\n{HELLO}budget = "10 MB"\n')

    assert told(error) == {
        f"{WHERE}.unzipped": "'x' is not a size",
        f"{WHERE}.compressed": "5 has no unit",
        "pyproject.toml: tool.imagekit.functions.hello.budget": "must be a table",
    }


def test_growth_is_counted_from_what_was_before() -> None:
    """A share of it, or so many bytes."""
    assert Budget(growth_percent=5.0).growth_limit(1_000) == 50
    assert Budget(growth_bytes=7).growth_limit(1_000) == 7
    assert NO_BUDGET.growth_limit(1_000) is None
