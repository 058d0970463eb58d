"""The words of errors: what and where, `caused by:`, and a hint to type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from imagekit.model import errors
from imagekit.model.advice import Way
from imagekit.model.budget import Grown, Overrun
from imagekit.report.errors import words


def everything(kind: type[errors.ImagekitError]) -> list[type[errors.ImagekitError]]:
    return [kind, *(deep for child in kind.__subclasses__() for deep in everything(child))]


def sample(kind: type[errors.ImagekitError]) -> errors.ImagekitError:
    """An instance with a recognisable value in each field."""
    samples: dict[str, object] = {
        "Path": Path("a.lock"),
        "int": 7,
        "float | None": 1.5,
        "bool": False,
        "str": "some words",
        "str | None": "a reason",
        "tuple[str, ...]": ("one", "two"),
        "tuple[Problem, ...]": (errors.Problem("file: key", "wrong"),),
        "tuple[Collision, ...]": (errors.Collision("a.py", ("x 1", "y 2")),),
        "tuple[tuple[str, int], ...]": (("pyarrow", 1),),
        "tuple[Way, ...]": (Way(what="without it", write=('slim = "max"',)),),
        "tuple[Grown, ...]": (Grown(label="pyarrow 26", before_bytes=1, after_bytes=3),),
        "tuple[Overrun, ...]": (Overrun(function="app", architecture="arm64", spent=()),),
        "tuple[tuple[str, str, str], ...]": (("T1", "layer 1", "no parent"),),
    }
    values = {
        field.name: (sample(errors.NoWheel),)
        if "NoWheel" in str(field.type)
        else samples[str(field.type)]
        for field in fields(kind)
    }
    make: Callable[..., errors.ImagekitError] = kind
    return make(**values)


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in everything(errors.ImagekitError)
        if not kind.__name__.startswith("_")  # nobody sees those
        and kind
        not in (errors.ImagekitError, errors.InputError, errors.BuildError, errors.RemoteError)
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_error_has_words(kind: type[errors.ImagekitError]) -> None:
    """No error shows itself as a Python value, and each ends in its hint."""
    text = words(sample(kind))

    assert kind.__name__ not in text
    assert text.startswith("error: ")
    assert text.endswith("\n\nhint: a reason")


def test_all_problems_are_shown_with_their_keys() -> None:
    """Input problems come at once."""
    problems = (
        errors.Problem("pyproject.toml: tool.imagekit.python", "3.9 is not known"),
        errors.Problem("pyproject.toml: tool.imagekit.functions.a.handler", "is missing"),
    )

    text = words(errors.ConfigError(problems=problems, hint="see the README"))

    assert text.splitlines() == [
        "error: the configuration cannot be used",
        "  pyproject.toml: tool.imagekit.python: 3.9 is not known",
        "  pyproject.toml: tool.imagekit.functions.a.handler: is missing",
        "",
        "hint: see the README",
    ]


def test_causes_follow_in_their_order() -> None:
    """`caused by:` lines tell what lay underneath, the nearest first."""
    try:
        try:
            raise OSError("disk on fire")
        except OSError as low:
            raise errors.HttpError(method="GET", url="u", status=503, diagnostics="") from low
    except errors.HttpError as middle:
        top = errors.CannotBuild(what="no wheels")
        top.__cause__ = middle

    assert words(top).splitlines() == [
        "error: no wheels",
        "caused by: GET u answered 503",
        "caused by: disk on fire",
    ]


def test_the_size_error_tells_how_much_is_too_much() -> None:
    """The limit, the overshoot, and who weighs most."""
    error = errors.TooLarge(
        what="the ZIP",
        limit_bytes=262_144_000,
        actual_bytes=300_000_000,
        biggest=(("pyarrow 26.0.1", 171_000_000),),
    )

    assert words(error).splitlines() == [
        "error: the ZIP is 300 MB; the limit is 262 MB (37.9 MB too much)",
        "  pyarrow 26.0.1: 171 MB",
    ]


@pytest.mark.parametrize(
    ("credentials", "lines"),
    [
        (
            "UV_INDEX_TEAM_PASSWORD",
            [
                "  the index team (https://i/simple/, uv.toml) refused the credentials of "
                "UV_INDEX_TEAM_PASSWORD"
            ],
        ),
        (
            None,
            [
                "  no credentials were found for the index team (https://i/simple/, uv.toml)",
                "  looked in: uv.toml, ~/.netrc",
            ],
        ),
    ],
)
def test_an_index_that_refuses_is_named_with_whose_login_it_was(
    credentials: str | None, lines: list[str]
) -> None:
    """Or with where one was looked for; then what the server said."""
    error = errors.IndexRefused(
        method="GET",
        url="https://i/files/x.whl",
        status=401,
        diagnostics="who are you?",
        index="team (https://i/simple/, uv.toml)",
        credentials=credentials,
        looked_in=("uv.toml", "~/.netrc"),
        hint="export UV_INDEX_TEAM_PASSWORD=TOKEN",
    )

    assert error.exit_code == 3
    assert words(error).splitlines() == [
        "error: GET https://i/files/x.whl answered 401",
        *lines,
        "  who are you?",
        "",
        "hint: export UV_INDEX_TEAM_PASSWORD=TOKEN",
    ]
