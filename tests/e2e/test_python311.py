"""An older Python, whose managed runtime is too old for today's wheels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.projects import Project, write_project, write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel

# The tags of the real files of these versions on the index.
WHEELS = {
    "numpy": ("2.4.6", "cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64"),
    "pyarrow": ("26.0.1", "cp311-cp311-manylinux_2_28_x86_64"),
    "pandas": ("3.1.1", "cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64"),
    "boto3": ("1.44.5", "py3-none-any"),
}


@pytest.fixture
def project(
    tmp_path: Path,
    wheels: Path,
    index: Index,
    debian_python311: str,
    uv_env: Callable[[Index], dict[str, str]],
) -> Project:
    """A function on Python 3.11 with wheels tagged as today's are; `auto` decides."""
    for name, (version, tag) in WHEELS.items():
        make_wheel(wheels, name, version, {f"{name}/__init__.py": b""}, tag=tag)
    folder = write_project(
        tmp_path / "project",
        keys={"base": debian_python311, "bytecode": False},
        files={"app.py": "def handler(event, context):\n    return event\n"},
    )
    write_pylock(folder, wheels.glob("*.whl"), index)
    # A runtime client for Python 3.11 is needed in the image; this one is never started.
    make_wheel(wheels, "awslambdaric", "4.2.2", {"awslambdaric/__main__.py": b""})
    return Project(folder=folder, env=uv_env(index))


def test_auto_makes_an_image_and_says_that_no_wheel_fits(project: Project) -> None:
    """glibc 2.26 of the 3.11 runtime is too old for numpy and pyarrow, whatever their size; a plan
    that finds this in the lock says so."""
    done = succeeded(project.run("build"))
    plan = json.loads(succeeded(project.run("plan", "--json")).stdout)["functions"][0]

    assert done.stdout.endswith("dist/app.oci\n")
    assert plan["packaging"] == "image"
    assert "wheel" in plan["why"]
    assert "numpy" in plan["why"] or "pyarrow" in plan["why"]
    assert plan["why"].endswith(", when imagekit.lock decided it")


def test_a_zip_is_refused_whatever_its_size(project: Project) -> None:
    """`--packaging zip` names the package and the wheels that there are."""
    done = project.run("build", "--packaging", "zip")

    assert done.returncode == 1
    assert "numpy" in done.stderr or "pyarrow" in done.stderr
    assert "manylinux_2_28" in done.stderr
    assert project.made() == []
