"""Durations as people write and read them."""

from __future__ import annotations

import pytest

from imagekit.model.durations import duration, parse_duration


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(0.04, "0.0 ms"), (9.94, "9.9 ms"), (331.4, "331 ms"), (999.6, "1 s"), (1061, "1.06 s")],
)
def test_words(milliseconds: float, words: str) -> None:
    """Three digits, in the unit that people would use."""
    assert duration(milliseconds) == words


@pytest.mark.parametrize(
    ("text", "milliseconds"), [("800ms", 800), ("1.5 s", 1500), ("2S", 2000), (" 10 ms ", 10)]
)
def test_what_is_understood(text: str, milliseconds: float) -> None:
    """Milliseconds and seconds, with a space or without."""
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "800", "ms", "-1s", "1m", "1,5s"])
def test_what_is_not(text: str) -> None:
    """A number without a unit could be either: it is refused, not guessed."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)
