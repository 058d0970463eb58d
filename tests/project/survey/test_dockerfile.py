"""Lines of a Dockerfile become instructions as BuildKit reads them."""

from __future__ import annotations

import pytest

from imagekit.model.errors import ConfigError
from imagekit.project.survey.dockerfile import Instruction, read_dockerfile


def read(text: str) -> tuple[Instruction, ...]:
    return read_dockerfile(text, "Dockerfile").instructions


def words(text: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.word, one.rest) for one in read(text)]


def test_continued_lines_are_one() -> None:
    """A backslash at the end continues; comments and empty lines in between are nothing."""
    text = "FROM x\nRUN a && \\  \n  # why\n\n    b \\\n c\nCMD d\n"

    assert words(text) == [(1, "FROM", "x"), (2, "RUN", "a &&     b  c"), (7, "CMD", "d")]


def test_a_continuation_at_the_end_of_the_file() -> None:
    """Nothing follows, and nothing is made up."""
    assert words("FROM x\nRUN a \\\n") == [(1, "FROM", "x"), (2, "RUN", "a")]


def test_the_escape_directive() -> None:
    """`# escape=` changes what continues a line, in the first lines only."""
    assert words("# escape=`\nFROM x\nRUN a `\n b\\\n")[1] == (3, "RUN", "a  b\\")
    assert words("# hello\n# escape=`\nFROM x\nRUN a\\\n b\n")[1] == (4, "RUN", "a b")
    assert words("# syntax=docker/dockerfile:1\n# escape=`\nFROM x\nRUN a `\n b\n")[1][2] == "a  b"


def test_words_of_any_case_tabs_and_indents() -> None:
    """`from`, a tab behind the word and blanks in front are as good."""
    assert words("  from x\n\tcmd\ty z\n") == [(1, "FROM", "x"), (2, "CMD", "y z")]


def test_heredocs_are_documents() -> None:
    """Their lines are no instructions, whatever they look like; several follow each other."""
    text = "FROM x\nRUN <<EOF\nFROM y\nEOF\nCOPY <<-'ONE' <<TWO /to/\n\ta\n\tONE\nb\nTWO\nCMD c\n"
    found = read(text)

    assert [one.word for one in found] == ["FROM", "RUN", "COPY", "CMD"]
    assert found[1].documents == ("FROM y",)
    assert found[2].documents == ("a", "b")
    assert found[3].line == 10


def test_what_only_looks_like_a_heredoc() -> None:
    """A shift in an expression, a here-string, and any other instruction are none."""
    assert [one.documents for one in read("FROM x\nRUN echo $((1<<2)) <<<a\nENV A=<<EOF\n")] == [
        (),
        (),
        (),
    ]


def test_flags_stand_in_front() -> None:
    """`--from` and the like are taken off the arguments; later ones belong to the command."""
    found = read("FROM --platform=linux/arm64 x\nRUN --mount=type=cache,target=/c pip --quiet\n")

    assert found[0].flag("platform") == "linux/arm64"
    assert found[1].flags == (("mount", "type=cache,target=/c"),)
    assert found[1].rest == "pip --quiet"
    assert found[1].flag("network") is None


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ('["a", "b c"]', ("a", "b c")),
        ("[]", ()),
        ("a b", None),
        ("['a']", None),
        ('["a", 1]', None),
        ("[ -f x ] && y", None),
    ],
)
def test_exec_form(rest: str, expected: tuple[str, ...] | None) -> None:
    """A JSON list of strings; anything else is the shell's, as Docker has it."""
    assert read(f"FROM x\nCMD {rest}\n")[1].exec_form == expected


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["1"]),
        ("RUN x\n", ["1"]),
        ("FROM x\nCOPPY a b\nHELLO\n", ["2", "3"]),
        ("FROM x\nRUN <<EOF\nls\n", ["2"]),
        ("FROM x\nCMD\n", ["2"]),
        ("FROM\n", ["1"]),
    ],
)
def test_what_is_no_dockerfile(text: str, problems: list[str]) -> None:
    """Every line that cannot be read is a problem of its own; the hint names the first."""
    with pytest.raises(ConfigError) as caught:
        read(text)

    found = [problem.where.removeprefix("Dockerfile:") for problem in caught.value.problems]
    assert found == problems
    assert caught.value.hint == f"correct line {problems[0]} of Dockerfile"
