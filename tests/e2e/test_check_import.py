"""`imagekit check --import`: what a handler misses is named before Lambda is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.projects import Project, write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel

PACKAGE = {
    "thing/__init__.py": b"import pathlib\nHERE = pathlib.Path(__file__).parent\n",
    "thing/tests/__init__.py": b"CASES = 3\n",
    "thing/tests/cases.txt": b"one\n",
}
APP = "import thing\n{line}\n\ndef handler(event, context):\n    return 1\n"


@pytest.fixture
def project(zipped: Project, wheels: Path, index: Index) -> Project:
    """A ZIP project whose package brings tests."""
    make_wheel(wheels, "thing", "1.0", PACKAGE)
    write_pylock(zipped.folder, wheels.glob("*.whl"), index)
    return zipped


def built(project: Project, line: str) -> Project:
    (project.folder / "app.py").write_text(APP.format(line=line), encoding="utf-8")
    succeeded(project.run("build"))
    return project


def test_a_handler_that_imports_passes(project: Project) -> None:
    """The project's only function, its newest build, nothing on stdout."""
    done = succeeded(built(project, "").run("check", "--import"))

    assert done.stdout == ""
    assert "app.handler  imports in" in done.stderr


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        ("import thing.tests", "module thing.tests", 'keep = ["thing/tests"]'),
        (
            "(thing.HERE / 'tests' / 'cases.txt').read_text()",
            "file thing/tests/cases.txt",
            'keep = ["thing/tests/cases.txt"]',
        ),
    ],
)
def test_what_slimming_took_is_named_with_what_brings_it_back(
    project: Project, line: str, what: str, hint: str
) -> None:
    """The rule that left it out, and after writing the hint, the handler imports."""
    done = built(project, line).run("check", "app", "--import")

    assert done.returncode == 1
    assert f"the {what} is not in the artefact" in done.stdout
    assert "was left out of thing 1.0 (tests)" in done.stdout
    assert f"hint: {hint}" in done.stdout
    assert "app.py:2" in done.stdout

    project.replace('python = "3.13"', f'python = "3.13"\n{hint}')
    succeeded(project.run("build"))
    succeeded(project.run("check", "--import"))


def test_nobody_is_blamed_for_what_was_never_there(project: Project) -> None:
    """A package that no lock has."""
    done = built(project, "import gone").run("check", "dist/app.zip", "--import", "--json")

    found = json.loads(done.stdout)["import"]
    assert done.returncode == 1
    assert found["missing"] == {"kind": "module", "what": "gone"}
    assert "left_out" not in found


def test_packages_in_lambda_layers_are_there(project: Project, tmp_path: Path) -> None:
    """From the store, or from beside the ZIP; where one is nowhere, what to do about it."""
    project.replace('packaging = "zip"', 'packaging = "zip-layers"')
    elsewhere = project.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty"))

    succeeded(built(project, "").run("check", "--import"))
    succeeded(elsewhere.run("check", "dist/app.zip", "--import"))
    (project.folder / "dist" / "app.layer-1.zip").unlink()
    gone = elsewhere.run("check", "dist/app.zip", "--import")
    missing = built(project, "import thing.tests").run("check", "--import")

    assert gone.returncode == 2
    assert "hint: imagekit build" in gone.stderr
    assert missing.returncode == 1
    assert 'hint: keep = ["thing/tests"]' in missing.stdout


def test_packages_that_were_excluded_are_named(project: Project) -> None:
    """With the key that says so."""
    project.replace('python = "3.13"', 'python = "3.13"\nexclude_packages = ["thing"]')

    done = built(project, "").run("check", "--import")

    assert done.returncode == 1
    assert "hint: take 'thing' out of `exclude_packages`" in done.stdout


def test_the_functions_own_variables_are_there(project: Project) -> None:
    """And Lambda's; of this machine's none."""
    line = "import os; assert os.environ['STAGE'] == 'x' and os.environ['LAMBDA_TASK_ROOT']"
    project.replace(
        'handler = "app.handler"', 'handler = "app.handler"\nlambda = { env = { STAGE = "x" } }'
    )

    succeeded(built(project, line).run("check", "--import"))
    done = built(project, "os = __import__('os'); os.environ['HOME_GROWN']").run(
        "check", "--import", env={"HOME_GROWN": "yes"}
    )

    assert done.returncode == 1
    assert "KeyError: 'HOME_GROWN'" in done.stdout


def test_what_is_foreign_needs_a_container(project: Project) -> None:
    """An artefact for another architecture, and no Docker: what to start."""
    project.replace('python = "3.13"', 'python = "3.13"\narchitecture = "arm64"')
    built(project, "")

    done = project.run("check", "--import", env={"DOCKER_HOST": "unix:///nowhere.sock"})

    assert done.returncode == 1
    assert "it is for Linux on arm64" in done.stderr
    assert "hint: start Docker" in done.stderr


def test_without_a_project_something_has_to_be_named(tmp_path: Path) -> None:
    """Not every folder has one."""
    project = Project(folder=tmp_path)

    assert project.run("check", "--import").returncode == 2


def test_in_a_container_as_lambda_would(
    imaged: Project, wheels: Path, index: Index, docker_engine: str
) -> None:
    """An image is imported by its own Python, and what is missing is told in the same words."""
    make_wheel(wheels, "thing", "1.0", PACKAGE)
    write_pylock(imaged.folder, wheels.glob("*.whl"), index)
    project = imaged.with_env(DOCKER_HOST=docker_engine)

    succeeded(built(project, "").run("check", "app", "--import"))
    done = built(project, "import thing.tests").run("check", "app", "--import")

    assert done.returncode == 1
    assert 'hint: keep = ["thing/tests"]' in done.stdout
    assert "a container of its image" in done.stderr
