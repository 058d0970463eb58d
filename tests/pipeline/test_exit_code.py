"""How a deployment of many ends: with the exit code of those that failed."""

from __future__ import annotations

import pytest

from imagekit.model.errors import ImagekitError, RemoteRefused, UpdateFailed, UsageError, WentBack
from imagekit.pipeline.deploying.deploy import exit_code

REFUSED = RemoteRefused(what="AWS said no")
FAILED = UpdateFailed(function="app", code="InvalidImage", reason="no parent")
BACK = WentBack(what="it failed")


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ((), 0),
        ((REFUSED,), 3),
        ((REFUSED, FAILED), 3),
        ((BACK, BACK), 1),
        ((REFUSED, BACK), 1),
        ((REFUSED, UsageError(what="no such")), 1),
    ],
    ids=["none", "AWS", "AWS twice", "went back", "differ", "differ, none of them 1"],
)
def test_that_of_the_failures(failures: tuple[ImagekitError, ...], code: int) -> None:
    """0 without any, theirs where they agree, else 1."""
    assert exit_code(failures) == code
