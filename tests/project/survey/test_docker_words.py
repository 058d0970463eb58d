"""Quotes and variables, as the builder's own shell words have them."""

from __future__ import annotations

import pytest

from imagekit.project.survey.docker_words import Words

KNOWN = {"A": "one", "EMPTY": "", "PATHS": "/a:/b"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A", "one"),
        ("${A}/x", "one/x"),
        ("$A-$A", "one-one"),
        ("'$A'", "$A"),
        ('"$A b"', "one b"),
        (r"\$A", "$A"),
        (r'"\$A \" \\ \n"', r'$A " \ \n'),
        ("${A:-x}", "one"),
        ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${NONE:-${A}}", "one"),
        ("${NONE:-a b}", "a b"),
        ("${A:+set}", "set"),
        ("${NONE:+set}", ""),
        ("${EMPTY+set}", "set"),
        ("100$", "100$"),
        ("$1", "$1"),
        ("'unclosed", "unclosed"),
    ],
)
def test_known(text: str, expected: str) -> None:
    """Everything that `ARG` and `ENV` said can be put in."""
    found = Words(KNOWN).expand(text)

    assert (found.text, found.unknown) == (expected, ())


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("$PATH:/x", ("PATH",)),
        ("${X}${Y}${X}", ("X", "Y")),
        ('"${X:?must be}"', ("X",)),
        ("${NONE:-$X}", ("X",)),
    ],
)
def test_unknown(text: str, unknown: tuple[str, ...]) -> None:
    """What only a build knows is named, never silently nothing."""
    assert Words(KNOWN).expand(text).unknown == unknown


def test_splitting() -> None:
    """White space parts arguments where it is not quoted or escaped; unknowns stay with theirs."""
    found = Words(KNOWN).split(r"""a="x y"  b='$A' c=d\ e f=$X""")

    assert [word.text for word in found] == ["a=x y", "b=$A", "c=d e", "f="]
    assert [word.unknown for word in found] == [(), (), (), ("X",)]
    assert Words(KNOWN).split("   ") == ()


def test_a_backtick_escapes() -> None:
    """Under `# escape=` a backslash is a character like any other."""
    assert Words(KNOWN, "`").expand(r"C:\x `$A $A").text == r"C:\x $A one"
