"""`--verbose`: how long each stage takes, before or after the command, folded in CI."""

from __future__ import annotations

import pytest

from tests.e2e.projects import Project
from tests.services.cli import succeeded

STAGES = ("configuration", "lock", "packages", "plan app")


@pytest.mark.parametrize("arguments", [("--verbose", "build"), ("build", "--verbose")])
def test_stages_are_told_wherever_the_option_stands(
    project: Project, arguments: tuple[str, ...]
) -> None:
    """On stderr; stdout is the answer alone."""
    quiet = succeeded(project.run("build"))
    done = succeeded(project.run(*arguments))

    assert done.stdout == quiet.stdout
    told = [line.strip().partition(":")[0] for line in done.stderr.splitlines()]
    assert [stage for stage in STAGES if stage not in told] == []
    assert not any(line.endswith(" s") and ": " in line for line in quiet.stderr.splitlines())


@pytest.mark.parametrize(
    ("variable", "begin", "end"),
    [
        ("GITHUB_ACTIONS", "::group::", "::endgroup::"),
        ("GITLAB_CI", "section_start:", "section_end:"),
    ],
)
def test_ci_folds_stages_that_were_asked_for(
    project: Project, variable: str, begin: str, end: str
) -> None:
    """Every group that begins ends; nothing of it on stdout, nothing without `--verbose`."""
    env = {variable: "true"}
    loud = succeeded(project.run("plan", "--verbose", env=env))
    quiet = succeeded(project.run("plan", env=env))

    assert loud.stderr.count(begin) == loud.stderr.count(end) >= 3
    assert begin not in loud.stdout
    assert begin not in quiet.stderr


@pytest.mark.parametrize("arguments", [("--verbose", "plan"), ("plan", "--verbose")])
def test_an_error_comes_with_its_traceback(project: Project, arguments: tuple[str, ...]) -> None:
    """Wherever the option stands, and never without it."""
    project.replace('"app.handler"', '"app"')

    assert "Traceback" in project.run(*arguments).stderr
    assert "Traceback" not in project.run("plan").stderr


def test_a_value_that_looks_like_the_option_is_none(project: Project) -> None:
    """What an option takes is not read as another option."""
    project.replace('"app.handler"', '"app"')
    done = project.run("build", "--metadata-file=--verbose")

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
