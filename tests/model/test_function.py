"""What a function's states mean for whoever waits for it."""

from __future__ import annotations

from typing import Any

import pytest

from imagekit.model.function import FunctionState


def state(**values: Any) -> FunctionState:
    """A function in some state."""
    return FunctionState(
        name="app",
        arn="arn",
        version="$LATEST",
        package="image",
        architecture="x86_64",
        code="",
        configuration="",
        **values,
    )


@pytest.mark.parametrize(
    "word", ["Inactive", "Deactivating", "Deactivated", "ActiveNonInvocable", "Deleting", "New"]
)
def test_a_state_that_is_not_known_is_no_failure(word: str) -> None:
    """Nor is it waited for (lambda_rules L13)."""
    assert state(state=word).failure is None
    assert not state(state=word).busy


@pytest.mark.parametrize("values", [{"state": "Pending"}, {"update": "InProgress"}])
def test_work_in_progress_is_waited_for(values: dict[str, str]) -> None:
    """While it is made, and while it is changed (L10)."""
    assert state(**values).busy


def test_failures_are_told_in_lambdas_own_words() -> None:
    """The last update's before the state's (L12)."""
    made = state(state="Failed", state_code="InvalidImage", state_reason="no parent")
    assert made.failure == ("InvalidImage", "no parent")
    late = {"update": "Failed", "update_code": "ImageDeleted", "update_reason": "gone"}
    assert state(**late).failure == ("ImageDeleted", "gone")


@pytest.mark.parametrize("code", ["ImageDeleted", "ImageAccessDenied", "InvalidImage"])
def test_code_that_is_gone_is_not_sound(code: str) -> None:
    """Active or not: the same image is deployed anew (L14)."""
    assert not state(state="Inactive", state_code=code).code_is_sound
    assert state(state="Inactive", state_code="Idle").code_is_sound
