"""What holds for all functions of a project: its name, its Python, its locks, its members."""

from __future__ import annotations

import pytest
import tomli

from imagekit.project.survey.facts import Facts, choose_python, nearest_lock
from imagekit.project.survey.values import FunctionFound, Notes
from tests.project.survey.kit import folder


def facts(pyproject: str = "", version: str | None = None) -> Facts:
    return Facts(pyproject=tomli.loads(pyproject), python_version=version)


def requires(specifier: str) -> Facts:
    return facts(f'[project]\nrequires-python = "{specifier}"\n')


@pytest.mark.parametrize(
    ("found", "python"),
    [
        (facts(version="3.12\n"), "3.12"),
        (facts(version="# ours\n3.12.4\n3.11\n"), "3.12"),
        (facts(version="cpython-3.12\n"), "3.12"),
        (facts(version="pypy3.10\n"), None),
        (facts('[project]\nrequires-python = "==3.11.*"\n', "3.12"), "3.12"),
        (requires(">=3.11"), "3.13"),
        (requires(">=3.11,<3.13"), "3.12"),
        (requires("==3.14.*"), "3.14"),
        (requires(">=3.13.2"), "3.13"),
        (requires(">=3.14"), "3.14"),
        (requires("<3.10"), None),
        (requires("nonsense"), None),
        (facts('[tool.poetry.dependencies]\npython = "^3.11"\n'), "3.13"),
        (facts('[tool.poetry.dependencies]\npython = "~3.12"\n'), "3.12"),
        (facts('[tool.poetry.dependencies]\npython = ">=3.11 <3.13"\n'), "3.12"),
        (facts('[tool.poetry.dependencies]\npython = "3.12"\n'), "3.12"),
        (facts('[tool.poetry.dependencies]\npython = "3.12.*"\n'), "3.12"),
        (facts(), None),
    ],
)
def test_the_python_that_a_project_asks_for(found: Facts, python: str | None) -> None:
    """`.python-version` first; a range means 3.13 if that fits, else the newest that does."""
    asked = found.asked_python()

    assert (asked and asked[0]) == python


def test_what_lambda_runs_today_wins() -> None:
    """A template's runtime is taken; `.python-version` that says otherwise is noted."""
    notes = Notes()
    function = FunctionFound(name="f", where="template.yaml:2", python="3.12")

    assert choose_python(function, facts(version="3.13"), notes) == "3.12"
    assert notes.left[0].what == "says Python 3.13, but template.yaml:2 runs 3.12"
    assert choose_python(function, requires(">=3.13"), Notes()) == "3.12"


def test_a_python_that_is_not_supported() -> None:
    """The default is written, and what was asked for is said."""
    notes = Notes()

    assert choose_python(FunctionFound(name="f", where=""), facts(version="3.9"), notes) == "3.13"
    assert notes.left[0].what == "Python 3.9 is not supported"


@pytest.mark.parametrize(
    ("source", "lock"),
    [
        (None, None),
        ((".",), None),
        (("app/*",), "app/requirements.txt"),
        (("app/pkg",), "app/requirements.txt"),
        (("own/*",), "own/pyproject.toml"),
        (("both/*",), "both/uv.lock"),
        (("bare/*",), None),
        (("app/*", "own/*"), None),
    ],
)
def test_the_nearest_lock(source: tuple[str, ...] | None, lock: str | None) -> None:
    """Beside or above the code, below the top: what lies there is found without a key."""
    files = ("requirements.txt", "app/requirements.txt", "own/pyproject.toml", "bare/x.py")

    assert nearest_lock(source, folder([*files, "both/uv.lock", "both/requirements.txt"])) == lock


def test_members() -> None:
    """As uv's patterns have it, without what is excluded."""
    text = (
        '[tool.uv.workspace]\nmembers = ["packages/*", "./tools/cli"]\nexclude = ["packages/old"]\n'
    )
    files = ["pyproject.toml"]
    files += [f"{at}/pyproject.toml" for at in ("packages/a", "packages/old", "tools/cli", "x")]

    assert list(facts(text).members(folder([*files, "packages/b/x.py"]))) == [
        "packages/a",
        "tools/cli",
    ]


def test_the_name() -> None:
    """Of `[project]`, or poetry's older place."""
    assert facts('[project]\nname = "a"\n[tool.poetry]\nname = "b"\n').name == "a"
    assert facts('[tool.poetry]\nname = "b"\n').name == "b"
    assert facts().name is None
