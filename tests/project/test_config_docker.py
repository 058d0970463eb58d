"""`system`, `run` and `dockerfile` in the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.model.errors import ConfigError
from imagekit.project.config import FunctionConfig
from imagekit.project.read_config import load


def read(folder: Path, of_project: str = "", of_function: str = "") -> FunctionConfig:
    text = f'{of_project}\n[functions.app]\nhandler = "app.handler"\n{of_function}\n'
    (folder / "imagekit.toml").write_text(text, encoding="utf-8")
    return load(folder, version="0.1.0").functions[0]


def problems(folder: Path, of_function: str, of_project: str = "") -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read(folder, of_project, of_function)
    return [f"{problem.where}: {problem.what}" for problem in raised.value.problems]


def test_what_they_say(tmp_path: Path) -> None:
    """Lists in order; a file counts from the configuration's folder."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "Dockerfile.template").touch()
    found = read(
        tmp_path,
        'system = ["libgomp1", "libpq5=17.5-1"]\nrun = ["make install", "ldconfig"]',
        'dockerfile = "own/Dockerfile.template"',
    )

    assert found.system == ("libgomp1", "libpq5=17.5-1")
    assert found.run == ("make install", "ldconfig")
    assert found.dockerfile == tmp_path / "own" / "Dockerfile.template"


def test_nothing_said(tmp_path: Path) -> None:
    """Then nothing needs Docker."""
    found = read(tmp_path)

    assert (found.system, found.run, found.dockerfile) == ((), (), None)


def test_a_functions_own_win(tmp_path: Path) -> None:
    """An empty list takes the project's away, for a function that can do without Docker."""
    found = read(tmp_path, 'system = ["libgomp1"]\nrun = ["true"]', 'system = []\nrun = ["false"]')

    assert (found.system, found.run) == ((), ("false",))


@pytest.mark.parametrize(
    "package", ["-y", "--allow-unauthenticated", "a b", "a;rm", "$(id)", "a&&b", "a\\nb", "../x"]
)
def test_names_that_a_shell_would_read(tmp_path: Path, package: str) -> None:
    """A package's name is never an option or a command."""
    found = problems(tmp_path, f'system = ["{package}"]')

    assert len(found) == 1
    assert found[0].startswith("imagekit.toml: functions.app.system: ")
    assert "is not the name of a package" in found[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('system = "libgomp1"', "must be a list of strings"),
        ("run = [1]", "every item must be a string"),
        ('run = ["a\\u0000b"]', "NUL"),
        ('dockerfile = "nowhere"', "there is no file 'nowhere'"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, line: str, said: str) -> None:
    """Each with its key."""
    found = problems(tmp_path, line)

    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("line", ['system = ["a1"]', 'run = ["true"]', 'dockerfile = "own"'])
def test_a_zip_has_nothing_to_run_them_in(tmp_path: Path, line: str) -> None:
    """Refused where `packaging` says so; `auto` takes an image instead."""
    (tmp_path / "own").touch()
    found = problems(tmp_path, f'packaging = "zip"\n{line}')

    key = line.partition(" ")[0]
    assert found == [
        f"imagekit.toml: functions.app.{key}: "
        "is of an image that Docker builds; a ZIP has nothing to run it in"
    ]
