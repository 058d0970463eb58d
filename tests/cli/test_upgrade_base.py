"""`--upgrade-base [NAME]`: with a name, without, several, and before anything else."""

from __future__ import annotations

import pytest

from imagekit.cli.options import names, with_values


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["lock", "--upgrade-base"], ["lock", "--upgrade-base="]),
        (["lock", "--upgrade-base", "team"], ["lock", "--upgrade-base", "team"]),
        (["lock", "--upgrade-base=team"], ["lock", "--upgrade-base=team"]),
        (["lock", "--upgrade-base", "--locked"], ["lock", "--upgrade-base=", "--locked"]),
        (["lock", "f", "--upgrade-base"], ["lock", "f", "--upgrade-base="]),
        (["lock", "--upgrade-base", "a", "--upgrade-base"], None),
        (["lock", "--", "--upgrade-base"], ["lock", "--", "--upgrade-base"]),
        (["build"], ["build"]),
        ([], []),
    ],
    ids=str,
)
def test_a_name_may_be_left_out(given: list[str], read: list[str] | None) -> None:
    """What follows is the name, unless it is an option itself."""
    expected = read if read is not None else [*given[:-1], "--upgrade-base="]

    assert with_values(given) == expected


def test_none_named_means_all() -> None:
    """Also beside one that is named; not given at all is nothing."""
    assert names(None) is None
    assert names([""]) == ()
    assert names(["team", ""]) == ()
    assert names(["team", "other"]) == ("team", "other")
