"""The console: the answer on one stream, the talk on the other."""

from __future__ import annotations

import io

from imagekit.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def console(err: io.StringIO | None = None, *, verbose: bool = False) -> Console:
    return Console(out=io.StringIO(), err=err or io.StringIO(), verbose=verbose)


def text(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_the_answer_stands_alone_on_stdout() -> None:
    """A script that reads stdout finds nothing else there."""
    found = console()
    found.say("talk")
    found.answer("answer")

    assert (text(found.out), text(found.err)) == ("answer\n", "talk\n")


def test_details_are_for_those_who_ask() -> None:
    """`--verbose` says more; without it nothing is said."""
    quiet, loud = console(), console(verbose=True)
    for found in (quiet, loud):
        found.detail("more")

    assert (text(quiet.err), text(loud.err)) == ("", "more\n")


def test_a_stage_draws_nothing_where_stderr_is_no_terminal() -> None:
    """Logs of a pipeline hold lines, not bars."""
    found = console()
    with found.meter("fetch", 100) as meter:
        meter(100)

    assert text(found.err) == ""


def test_a_slow_stage_draws_a_bar_on_a_terminal() -> None:
    """And it takes the bar away again."""
    found = console(Terminal())
    with found.meter("fetch", 100) as meter:
        meter._began -= 10
        meter(50)
        meter(50)

    assert "fetch" in text(found.err)
    assert text(found.out) == ""


def test_a_quick_stage_draws_nothing() -> None:
    """What is over at once needs no bar."""
    found = console(Terminal())
    with found.meter("fetch", 100) as meter:
        meter(100)

    assert text(found.err) == ""
