"""The first configuration as text: every line is one that imagekit's own reader takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from imagekit.project.config import LambdaSettings
from imagekit.project.read_config import load
from imagekit.project.survey.values import FunctionFound, Left, Said, Survey
from imagekit.report.starter import configuration
from imagekit.report.survey import closing_line, lines

FIRST = """\
# Functions for AWS Lambda, packaged by imagekit: `imagekit plan` shows what a build would make,
# `imagekit build` makes it. Written by `imagekit init`; from here on it is yours.
[tool.imagekit]
base = "python3.13"      # AWS's image, and the Python of a ZIP; or an image of your own
architecture = "x86_64"  # "x86_64", "arm64", or a list of both
packaging = "auto"       # a ZIP where it fits in 250 MB, else an image; or "zip", "image"
# repository = "team/{function}"  # for --push; a bare name is in your ECR

# app.py:1
[tool.imagekit.functions.scoring]
handler = "app.handler"   # what Lambda calls: package.module.function
source = ["src/scoring"]  # modules and packages; each arrives under its own last name
# include = ["models/*.joblib"]  # further files, under their own path
# exclude = ["**/*.csv"]         # never in, even where source or include has it
"""
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:x:1"


def function(name: str = "scoring", **keys: Any) -> FunctionFound:
    usual = {"handler": "app.handler", "python": "3.13", "architecture": "x86_64"}
    return FunctionFound(name=name, where="app.py:1", **(usual | keys))


def survey(*functions: FunctionFound) -> Survey:
    return Survey(functions=functions, found=(), left=())


def read(text: str) -> dict[str, Any]:
    return tomli.loads(text)


def test_a_newcomer_understands_it() -> None:
    """Word for word: each key has its reason beside it, and what could be added is a comment."""
    text = configuration(survey(function(source=("src/scoring",))), "tool.imagekit")

    assert text == FIRST


def test_everything_that_a_survey_can_say_is_read_back(tmp_path: Path) -> None:
    """Each key arrives at the configuration's value, whatever its length."""
    full = function(
        "every.thing",
        base="acme.example/base:1",
        architecture="arm64",
        packaging="image",
        source=("src/a", "src/*"),
        include=tuple(f"data/{number}/**" for number in range(12)),
        exclude=("**/*.csv",),
        groups=("jobs",),
        extras=("more",),
        member="one",
        env=tuple((f"NAME_{number}", 'a "quoted" value\n') for number in range(9)),
        labels=(("org.x/y", "z"),),
        extensions=("public.ecr.aws/datadog/lambda-extension:83",),
        settings=LambdaSettings(
            name="real",
            memory=512,
            timeout=9,
            storage=1024,
            role="arn:aws:iam::123456789012:role/x",
            description="d",
            env=tuple((f"VARIABLE_{number}", "x" * 20) for number in range(9)),
        ),
    )
    (tmp_path / "imagekit.toml").write_text(configuration(survey(full), ""), encoding="utf-8")
    (found,) = load(tmp_path, version="0.1.0").functions

    for key in ("name", "handler", "base", "python", "packaging", "source", "include", "exclude"):
        assert getattr(found, key) == getattr(full, key), key
    for key in ("groups", "extras", "member", "env", "labels", "extensions", "settings"):
        assert getattr(found, key) == getattr(full, key), key
    assert found.architectures == ("arm64",)


@pytest.mark.parametrize("prefix", ["", "tool.imagekit"])
def test_what_is_common_stands_once(prefix: str) -> None:
    """The architecture is always written; a function that differs says so itself."""
    text = configuration(
        survey(
            function("a"),
            function("b", architecture="arm64"),
            function("c", packaging="image"),
        ),
        prefix,
    )
    content = read(text)
    mine = content["tool"]["imagekit"] if prefix else content

    assert {key: mine[key] for key in ("base", "architecture", "packaging")} == {
        "base": "python3.13",
        "architecture": "x86_64",
        "packaging": "auto",
    }
    assert mine["functions"]["a"] == {"handler": "app.handler"}
    assert mine["functions"]["b"]["architecture"] == "arm64"
    assert mine["functions"]["c"]["packaging"] == "image"


def test_bases_that_differ_stand_in_the_functions() -> None:
    """As a `python` above would contradict a base below."""
    text = configuration(
        survey(function("a"), function("b", base="acme.example/x:1", python="3.12")), ""
    )
    content = read(text)

    assert "base" not in content
    assert content["functions"]["a"]["base"] == "python3.13"
    assert content["functions"]["b"]["base"] == "acme.example/x:1"
    assert content["functions"]["b"]["python"] == "3.12"


def test_all_images() -> None:
    """The type of a function can never change, so `auto` would be wrong."""
    assert read(configuration(survey(function(packaging="image")), ""))["packaging"] == "image"


def test_a_handler_that_is_not_known() -> None:
    """Its line is a comment, with what might be meant; the rest can be read."""
    text = configuration(survey(function(handler=None, others=("a.main", "b.main"))), "")

    assert '# handler = "package.module.function"' in text
    assert '# handler = "a.main"' in text
    assert read(text)["functions"] == {"scoring": {}}


def test_layers(tmp_path: Path) -> None:
    """Those of a function that is a ZIP."""
    one = function(settings=LambdaSettings(layers=(LAYER,)))
    (tmp_path / "imagekit.toml").write_text(configuration(survey(one), ""), encoding="utf-8")

    assert load(tmp_path, version="0.1.0").functions[0].settings.layers == (LAYER,)


VALUES = st.text(st.characters(codec="utf-8"), max_size=120)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(VALUES, VALUES, max_size=4), VALUES)
def test_any_text_is_written_as_toml(pairs: dict[str, str], word: str) -> None:
    """Quotes, control characters, line ends: what comes out is what went in."""
    one = function(labels=tuple(pairs.items()), include=(word,) if word else ())
    (found,) = read(configuration(survey(one), "tool.imagekit"))["tool"]["imagekit"][
        "functions"
    ].values()

    assert found.get("labels", {}) == pairs
    assert found.get("include", []) == ([word] if word else [])


def test_lines_for_a_person() -> None:
    """What was found, then what was not carried over, each with what to do."""
    found = Survey(
        functions=(function(),),
        found=(Said("app.py:1", "handler app.handler"), Said("uv.lock", "packages")),
        left=(Left(where="Dockerfile:3", what="USER 1", todo="nothing to do"),),
    )

    assert list(lines(found)) == [
        "found",
        "  app.py:1  handler app.handler",
        "  uv.lock   packages",
        "not carried over",
        "  Dockerfile:3: USER 1",
        "      nothing to do",
    ]
    assert list(lines(survey(function()))) == []


def test_the_closing_line() -> None:
    """What to type next; a line that is to be written goes first."""
    whole, part = survey(function("a"), function("b")), survey(function(handler=None))

    assert closing_line(whole, "x.toml") == "wrote x.toml: 2 functions; next: imagekit plan"
    assert closing_line(part, "x.toml") == (
        "wrote x.toml: 1 function; next: write the handler of scoring in it, then imagekit plan"
    )
