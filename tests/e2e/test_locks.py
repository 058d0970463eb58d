"""What a package manager locked, and nothing else, is what a function gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.projects import Project
from tests.e2e.test_bad_input import ends
from tests.services.cli import succeeded
from tests.services.wheels import make_wheel

UV_PROJECT = """\
[project]
name = "app"
version = "1"
requires-python = ">=3.11"
dependencies = ["demo"]

[project.optional-dependencies]
more = ["extra-one"]

[dependency-groups]
dev = ["dev-one"]
jobs = ["job-one"]
"""


def test_uv_lock_with_groups_and_extras(zipped: Project, wheels: Path) -> None:
    """The function's groups and extras are in; default groups and other extras are not."""
    for name in ("extra-one", "dev-one", "job-one"):
        make_wheel(wheels, name, "1.0", {f"{name.replace('-', '_')}.py": b""})
    (zipped.folder / "pylock.toml").unlink()
    (zipped.folder / "pyproject.toml").write_text(UV_PROJECT, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "uv", "lock", "--quiet", "--python", sys.executable],
        cwd=zipped.folder,
        env={**os.environ, **zipped.env},
        check=True,
    )
    zipped.replace("[functions.app]", '[functions.app]\ngroups = ["jobs"]\nextras = ["more"]')
    plan = json.loads(succeeded(zipped.run("plan", "--json")).stdout)["functions"][0]
    names = {name.split(" ")[0] for layer in plan["layers"] for name in layer["packages"]}

    assert {"demo", "extra-one", "job-one"} <= names
    assert "dev-one" not in names


def test_stale_uv_lock(zipped: Project) -> None:
    """A uv.lock that does not know a dependency of pyproject.toml: exit 2, and what to type."""
    (zipped.folder / "pylock.toml").unlink()
    project = (
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = []\n'
    )
    (zipped.folder / "pyproject.toml").write_text(project, encoding="utf-8")
    (zipped.folder / "uv.lock").write_text(
        'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n'
        '[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n',
        encoding="utf-8",
    )
    zipped.replace("dependencies = []", 'dependencies = ["demo"]', "pyproject.toml")

    ends(zipped, 2, ("uv.lock", "uv lock"))


def test_of_two_locks_it_is_said_which_is_read(zipped: Project) -> None:
    """Once for all functions, by plan and by build; the key that is told ends it."""
    path = zipped.folder / "imagekit.toml"
    text = path.read_text(encoding="utf-8")
    more = text.partition("[functions.app]")[2].partition("\n[")[0]
    path.write_text(f"{text}\n[functions.other]{more}", encoding="utf-8")
    assert "note:" not in succeeded(zipped.run("plan")).stderr
    (zipped.folder / "requirements.txt").write_text("absent==1\n", encoding="utf-8")

    for command in ("plan", "build"):
        said = succeeded(zipped.run(command)).stderr
        notes = [line for line in said.splitlines() if line.startswith("note: packages")]
        assert notes == [
            "note: packages come from pylock.toml, not from requirements.txt beside it; "
            'to choose: lock = "pylock.toml"'
        ], said
    path.write_text(f'lock = "pylock.toml"\n{path.read_text(encoding="utf-8")}', encoding="utf-8")
    assert "note: packages" not in succeeded(zipped.run("plan")).stderr
