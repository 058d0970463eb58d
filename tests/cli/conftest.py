"""A project that needs nothing but imagekit: one wheel on disk, one function, a ZIP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.projects import Project, write_project, write_pylock
from tests.services.wheels import make_wheel


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """`app.handler` over the package `demo`, without bytecode."""
    make_wheel(tmp_path / "wheels", "demo", "1.0", {"demo/__init__.py": b"ANSWER = 42\n"})
    keys = {"python": "3.13", "packaging": "zip", "bytecode": False}
    folder = write_project(tmp_path / "project", keys=keys)
    write_pylock(folder, (tmp_path / "wheels").glob("*.whl"))
    return Project(folder=folder)
