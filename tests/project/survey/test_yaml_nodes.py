"""YAML with lines, CloudFormation's tags included, and nothing ever constructed."""

from __future__ import annotations

import pytest

from imagekit.model.errors import ConfigError
from imagekit.project.survey.yaml_nodes import Node, read_yaml


def read(text: str) -> Node:
    return read_yaml(text, "t.yaml")


def value(text: str) -> Node:
    found = read(f"a: {text}\n").get("a")
    assert found is not None
    return found


def test_values_know_their_lines() -> None:
    """A scalar where it stands, a table where its name does."""
    node = read("a:\n  b:\n    c: 1\n  d:\n    - x\n")

    lines = {keys: node.get(*keys.split()) for keys in ("a", "a b", "a b c", "a d")}
    assert {keys: found and found.line for keys, found in lines.items()} == {
        "a": 1,
        "a b": 2,
        "a b c": 3,
        "a d": 4,
    }


@pytest.mark.parametrize(
    ("text", "expected", "number"),
    [
        ("512", "512", 512),
        ('"512"', "512", 512),
        ("010", "010", 10),
        ("1.5", "1.5", None),
        ("True", "true", None),
        ('"True"', "True", None),
        ("2010-09-09", "2010-09-09", None),
        ("python3.13", "python3.13", None),
        ("[a]", None, None),
        ("!Ref X", None, None),
    ],
)
def test_scalars(text: str, expected: str | None, number: int | None) -> None:
    """As they are written: nothing becomes a date or an octal number; flags as AWS writes them."""
    assert (value(text).text, value(text).number) == (expected, number)


def test_null_is_nothing() -> None:
    """`a:` with nothing behind it is as if it were not there."""
    assert read("a:\nb: ~\n").get("a") is None
    assert read("a:\nb: ~\n").get("b") is None
    assert read("").get("a") is None


@pytest.mark.parametrize(
    ("text", "computed", "argument"),
    [
        ("!Ref Table", "Ref", "Table"),
        ("!Sub 'a-${B}'", "Sub", "a-${B}"),
        ("!GetAtt [A, Arn]", "GetAtt", None),
        ("{Ref: Table}", "Ref", "Table"),
        ("{'Fn::Sub': x}", "Sub", "x"),
        ("{'Fn::If': [a, b, c]}", "If", None),
        ("plain", None, None),
        ("{a: b}", None, "b"),
    ],
)
def test_intrinsic_functions(text: str, computed: str | None, argument: str | None) -> None:
    """Short and long forms are one thing, and no value of their own."""
    assert (value(text).computed, value(text).argument) == (computed, argument)


def test_tags_are_not_acted_on() -> None:
    """A tag that would make a Python object is text like any other."""
    node = value("!!python/object/apply:os.system ['exit 1']")

    assert (node.each(), node.text, node.tag[-10:]) == ((), None, ":os.system")


def test_aliases_and_merge_keys() -> None:
    """`*name` stands for what it names; `<<` gives what is not there, the first one first."""
    node = read("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 5\n")

    z = node.get("z")
    assert z is not None
    assert {key: each.text for key, each in z.items()} == {"a": "5", "b": "2", "c": "4"}


def test_many_aliases_cost_nothing() -> None:
    """A billion laughs are ten values."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 20)}]" for n in range(1, 12)]

    found = read("\n".join(lines)).get("a11")
    assert found is not None
    assert len(found.each()) == 20


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: [\n", 2),
        ("a: b: c\n", 1),
        ("a: 1\n\tb: 2\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: *nowhere\n", 1),
        ("a: &a [*a]\n", 1),
        ("a: \x07\n", 1),
        ("{{ template }}: [\n", 2),
        ("[" * 5000, 1),
    ],
)
def test_what_is_no_document(text: str, line: int) -> None:
    """The line and PyYAML's own words; the hint names the line."""
    with pytest.raises(ConfigError) as caught:
        read(text)

    assert caught.value.problems[0].where == f"t.yaml:{line}"
    assert caught.value.hint == f"correct line {line} of t.yaml"


def test_json_is_yaml() -> None:
    """`template.json` needs no reader of its own."""
    node = read('{"Resources": {"F": {"Type": "AWS::Lambda::Function"}}}')

    kind = node.get("Resources", "F", "Type")
    assert kind is not None
    assert kind.text == "AWS::Lambda::Function"
