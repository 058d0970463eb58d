"""The console: the answer on one stream, the talk on the other."""

from __future__ import annotations

import io
import re

import pytest

from imagekit.console import Console, Groups, groups_of, never_fail_to_write


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


def test_one_bar_at_a_time() -> None:
    """Images that are pushed together share the terminal: the first has the bar."""
    found = console(Terminal())
    with found.meter("first", 100), found.meter("second", 100) as second:
        second._began -= 10
        second(50)
    assert text(found.err) == ""
    with found.meter("third", 100) as third:
        third._began -= 10
        third(50)
    assert "third" in text(found.err)


def test_a_quick_stage_draws_nothing() -> None:
    """What is over at once needs no bar."""
    found = console(Terminal())
    with found.meter("fetch", 100) as meter:
        meter(100)

    assert text(found.err) == ""


def lines(stream: object) -> list[str]:
    """What was said, each time as `…`."""
    return [re.sub(r"\d+\.\d\d s", "…", line) for line in text(stream).splitlines()]


def in_stages(found: Console) -> list[str]:
    with found.stage("plan scoring"):
        with found.stage("packages"):
            found.detail("five of them")
        found.say("warning: old")
    with found.stage("layers"):
        pass
    return lines(found.err)


def test_stages_are_timed_for_those_who_ask() -> None:
    """A stage within another is indented; each time stands below what happened in it."""
    assert in_stages(console(verbose=True)) == [
        "five of them",
        "  packages: …",
        "warning: old",
        "plan scoring: …",
        "layers: …",
    ]
    assert in_stages(console()) == ["warning: old"]


def test_github_folds_each_stage() -> None:
    """Its groups do not nest, so a stage within another is a line of that one."""
    found = console(verbose=True)
    found.groups = "github"

    assert in_stages(found) == [
        "::group::plan scoring",
        "five of them",
        "  packages: …",
        "warning: old",
        "plan scoring: …",
        "::endgroup::",
        "::group::layers",
        "layers: …",
        "::endgroup::",
    ]


def test_gitlab_folds_each_stage_under_a_name_of_its_own() -> None:
    """Letters, digits and underscores; the escapes are GitLab's, start and end of equal name."""
    found = console(verbose=True)
    found.groups = "gitlab"
    in_stages(found)
    marks = re.findall(r"\x1b\[0Ksection_(start|end):\d{10}:(\w+)\r\x1b\[0K", text(found.err))

    assert marks == [
        ("start", "imagekit_1_plan_scoring"),
        ("end", "imagekit_1_plan_scoring"),
        ("start", "imagekit_2_layers"),
        ("end", "imagekit_2_layers"),
    ]


@pytest.mark.parametrize("groups", ["", "github", "gitlab"])
def test_an_error_is_not_folded_away(groups: Groups) -> None:
    """The group ends before the error is told, and says that the stage failed."""
    found = console(verbose=True)
    found.groups = groups
    with pytest.raises(KeyError), found.stage("layers"):
        raise KeyError
    found.say("error: it failed")
    *_, last = lines(found.err)

    assert "layers: failed after …" in lines(found.err)
    assert last == "error: it failed"
    assert in_stages(found)[-1] != "", "the next stage begins at the margin"
    if groups == "github":
        assert lines(found.err)[2] == "::endgroup::"


def test_nothing_is_folded_for_those_who_do_not_ask() -> None:
    """A log without `--verbose` is the same in CI as anywhere."""
    found = console()
    found.groups = "github"

    assert in_stages(found) == ["warning: old"]


@pytest.mark.parametrize(
    ("environ", "groups"),
    [
        ({}, ""),
        ({"CI": "true"}, ""),
        ({"GITHUB_ACTIONS": "true"}, "github"),
        ({"GITHUB_ACTIONS": "false"}, ""),
        ({"GITLAB_CI": "true"}, "gitlab"),
    ],
)
def test_ci_is_known_by_its_own_variable(environ: dict[str, str], groups: str) -> None:
    """As each documents it."""
    assert groups_of(environ) == groups


def test_a_stream_of_few_characters_takes_every_text() -> None:
    """A pipe on Windows is cp1252: an arrow becomes `?`, and nothing is raised."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="cp1252", newline="\n")
    never_fail_to_write(out, io.StringIO())
    Console(out=out).answer("pandas 3.1.0→3.1.1 für Łódź")

    assert raw.getvalue().decode("cp1252") == "pandas 3.1.0?3.1.1 für ?ód?\n"
    out.close()
