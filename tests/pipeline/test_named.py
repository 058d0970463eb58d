"""What an ARTEFACT names: one rule for every command that takes one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from imagekit.console import Console
from imagekit.model.errors import ConfigError, UsageError
from imagekit.pipeline.named import InDocker, InRegistry, named, project_for
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig
from imagekit.project.read_config import load
from tests.e2e.projects import Project, write_project
from tests.services.cli import succeeded

FUNCTIONS = """\
python = "3.13"
[functions.greeter]
handler = "greeter.app.handler"
[functions.scoring]
handler = "scoring.app.handler"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two functions, whose packages have their names, in the current folder."""
    files = {f"{name}/app.py": "def handler(e, c): return 1\n" for name in ("greeter", "scoring")}
    write_project(tmp_path, files=files)
    (tmp_path / "imagekit.toml").write_text(FUNCTIONS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def functions(folder: Path) -> tuple[FunctionConfig, ...]:
    """As commands read them."""
    return load(folder, version="1.0", whole=True).functions


def test_a_functions_name_wins_over_what_is_called_the_same(
    folder: Path, functions: tuple[FunctionConfig, ...]
) -> None:
    """A folder with its module, or a script; a path is said by writing it as one."""
    (folder / "greeter" / "app.py").rename(folder / "app.py")
    (folder / "greeter").rmdir()
    (folder / "greeter").write_text("#!/bin/sh\n", encoding="utf-8")

    assert named("scoring", functions) is functions[1]
    assert named("greeter", functions) is functions[0]
    assert named("./scoring", functions) == Path("scoring")
    assert named(str(folder / "greeter"), functions) == folder / "greeter"


@pytest.mark.parametrize("made", ["zip", "index.json", "oci-layout"])
def test_an_artefact_wins_over_a_functions_name(
    folder: Path, functions: tuple[FunctionConfig, ...], made: str
) -> None:
    """A layout or an archive under that very name is what was meant."""
    place = folder / "scoring"
    if made == "zip":
        (place / "app.py").unlink()
        place.rmdir()
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("app.py", "")
    else:
        (place / made).write_text("{}", encoding="utf-8")

    assert named("scoring", functions) == Path("scoring")


def test_without_a_name_the_only_function_is_meant(
    functions: tuple[FunctionConfig, ...],
) -> None:
    """Whatever lies there; of several one has to be named."""
    assert named(None, functions[1:]) is functions[1]
    with pytest.raises(UsageError, match="several functions: greeter, scoring") as refused:
        named(None, functions)
    assert refused.value.hint == "name one: greeter"


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("scorin", "scorin is no function here", "name one: scoring"),
        ("Greeter", "Greeter is no function here", "name one: greeter"),
        ("nothing", "nothing is no function here", "`docker:NAME`"),
        ("greter.zip", "there is no file greter.zip", "name one: greeter"),
        ("dist/scoring.oci", "there is no file dist/scoring.oci", "imagekit build scoring"),
        ("./none/x", "there is no file ./none/x", "a path"),
        ("x" * 300, "is no function here", "a path"),
        ("NO/Reference", "NO/Reference is no function here", "a path"),
    ],
)
def test_a_mistyped_name_is_asked_of_nobody(
    functions: tuple[FunctionConfig, ...], text: str, says: str, hint: str
) -> None:
    """Wrong input, with the functions that there are, and the nearest to type."""
    with pytest.raises(UsageError) as refused:
        named(text, functions)

    assert refused.value.exit_code == 2
    assert says in refused.value.what
    near = "scoring, greeter" if "scorin" in text else "greeter, scoring"
    assert refused.value.what.endswith(f"; known: {near}")
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize("text", ["python:3.13", "team/scoring", "localhost:5000/x:1"])
def test_a_registry_is_meant_by_its_marks(functions: tuple[FunctionConfig, ...], text: str) -> None:
    """A `/`, a tag or a digest; `docker:` is an engine's."""
    assert named(text, functions) == InRegistry(text)
    assert named(f"docker:{text}", functions) == InDocker(text)


def test_a_broken_configuration_is_told_where_a_function_is_meant(
    folder: Path, tmp_path: Path
) -> None:
    """A path or a reference needs none, and without a project nothing is broken."""
    workshop = Workshop.open({"IMAGEKIT_CACHE_DIR": str(tmp_path / "s")}, Console(), folder)
    (folder / "imagekit.toml").write_text("pyton = 3\n", encoding="utf-8")

    assert project_for(workshop, "team/scoring") is None
    for text in ("greter", "scoring", None):
        with pytest.raises(ConfigError, match="pyton"):
            project_for(workshop, text)
    (folder / "imagekit.toml").unlink()
    assert project_for(workshop, "greter") is None


def test_every_command_takes_the_name(folder: Path) -> None:
    """A package called as its function hides no build; a wrong name is exit 2 without a request."""
    project = Project(folder=folder, env={"IMAGEKIT_CACHE_DIR": str(folder / ".cache")})
    succeeded(project.run("build"))

    succeeded(project.run("check", "scoring"))
    text = succeeded(project.run("diff", "scoring", "dist/scoring.zip")).stdout
    promoted = project.run("promote", "scoring", "localhost:1/x")
    wrong = project.run("inspect", "scorin")

    assert "nothing differs" in text
    assert "the newest build of scoring is a ZIP" in promoted.stderr
    assert wrong.returncode == 2
    assert "hint: name one: scoring" in wrong.stderr
