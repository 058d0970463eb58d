"""A workspace as a person uses it: one lock, one `dist`, from the root or from inside a member."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.many import PYTHON, uv_lock, write
from tests.e2e.projects import Project
from tests.e2e.test_bad_input import ends
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel

ROOT = f'python = "{PYTHON}"\npackaging = "zip"\nbytecode = false\n'
MEMBERS = '[workspace]\nmembers = ["functions/*"]\n'
APP = "def handler(event, context):\n    return 1\n"
WHEELS = ("api-one", "jobs-one", "jobs-more", "jobs-group", "root-one")


def project(name: str, *dependencies: str, more: str = "") -> str:
    """The text of a pyproject.toml."""
    head = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">={PYTHON}"\n'
    return f"{head}dependencies = {json.dumps(dependencies)}\n{more}"


@pytest.fixture
def workspace(
    tmp_path: Path, wheels: Path, index: Index, uv_env: Callable[[Index], dict[str, str]]
) -> Project:
    """A uv workspace of two members, which is imagekit's too; one function in the root."""
    for name in WHEELS:
        make_wheel(wheels, name, "1.0", {f"{name.replace('-', '_')}.py": b""})
    folder = tmp_path / "workspace"
    own = '[functions.root]\nhandler = "at_root.handler"\nsource = ["at_root.py"]\n'
    write(folder / "imagekit.toml", ROOT, MEMBERS, own)
    uv_members = '[tool.uv.workspace]\nmembers = ["functions/*"]\n'
    write(folder / "pyproject.toml", project("root", "root-one", more=uv_members))
    write(folder / "at_root.py", APP)
    parts = (
        '[project.optional-dependencies]\nmore = ["jobs-more"]\n'
        '[dependency-groups]\ngroup = ["jobs-group"]\n'
    )
    ours = '[tool.imagekit.functions.{}]\nhandler = "app.handler"\n{}\n'
    jobs = ours.format("jobs", 'extras = ["more"]') + ours.format("nightly", 'groups = ["group"]')
    for name, text in (
        ("api", project("api", "api-one", more=ours.format("api", ""))),
        ("jobs", project("jobs", "jobs-one", "root-one", more=parts + jobs)),
    ):
        write(folder / "functions" / name / "pyproject.toml", text)
        write(folder / "functions" / name / "app.py", APP)
    env = uv_env(index)
    uv_lock(folder, {**os.environ, **env})
    return Project(folder=folder, env=env)


def inside(workspace: Project, member: str) -> Path:
    return workspace.folder / "functions" / member


def packages(workspace: Project, **options: object) -> dict[str, set[str]]:
    """What each function gets, as `imagekit plan --json` tells it."""
    done = succeeded(workspace.run("plan", "--json", **options))
    return {
        one["name"]: {name.split(" ")[0] for layer in one["layers"] for name in layer["packages"]}
        for one in json.loads(done.stdout)["functions"]
    }


def test_each_member_gets_its_own_part_of_the_one_lock(workspace: Project) -> None:
    """A member's dependencies by default, with the function's own groups and extras."""
    assert packages(workspace) == {
        "root": {"root-one"},
        "api": {"api-one"},
        "jobs": {"jobs-one", "root-one", "jobs-more"},
        "nightly": {"jobs-one", "root-one", "jobs-group"},
    }


def test_a_function_of_the_root_may_name_a_member(workspace: Project) -> None:
    """`member` takes that member's dependencies, wherever the function stands."""
    workspace.replace("[functions.root]", '[functions.root]\nmember = "jobs"\nextras = ["more"]')

    assert packages(workspace)["root"] == {"jobs-one", "root-one", "jobs-more"}


def test_one_dist_and_one_lock_for_all(workspace: Project) -> None:
    """From the root everything is built, into the root."""
    workspace.replace('packaging = "zip"', 'packaging = "auto"')
    done = succeeded(workspace.run("build"))

    assert workspace.made() == ["api.zip", "jobs.zip", "nightly.zip", "root.zip"]
    assert done.stdout.splitlines()[0] == "dist/root.zip"
    assert [path.name for path in workspace.folder.rglob("imagekit.lock")] == ["imagekit.lock"]


def test_from_inside_a_member(workspace: Project) -> None:
    """Bare: its functions. A name: any of the workspace. The output lies in the root all the
    same, where `check` finds it."""
    succeeded(workspace.run("build", cwd=inside(workspace, "jobs")))
    assert workspace.made() == ["jobs.zip", "nightly.zip"]
    succeeded(workspace.run("build", "api", cwd=inside(workspace, "jobs")))
    assert workspace.made() == ["api.zip", "jobs.zip", "nightly.zip"]

    succeeded(workspace.run("check", "api", cwd=inside(workspace, "jobs")))
    succeeded(workspace.run("build", "api", "--project", "functions/jobs"))


def test_lock_inside_a_member_keeps_what_the_others_need(workspace: Project) -> None:
    """There is one lock: it is brought up to date for all, and `--locked` holds everywhere."""
    workspace.replace('packaging = "zip"', 'packaging = "auto"')
    succeeded(workspace.run("lock"))
    before = (workspace.folder / "imagekit.lock").read_bytes()
    done = succeeded(workspace.run("lock", cwd=inside(workspace, "api")))

    assert "up to date" in done.stderr
    assert (workspace.folder / "imagekit.lock").read_bytes() == before
    assert b"nightly" in before
    succeeded(workspace.run("build", "--locked", cwd=inside(workspace, "jobs")))


def test_a_name_used_twice(workspace: Project) -> None:
    """Exit 2 before anything is made, with both files."""
    file = "functions/api/pyproject.toml"
    workspace.replace("functions.api]", "functions.jobs]", file)

    ends(workspace, 2, (file, "functions/jobs/pyproject.toml", "jobs"))


def test_a_member_that_uv_does_not_know(workspace: Project) -> None:
    """A new member has to be locked first: exit 2, and what to type."""
    write(inside(workspace, "new") / "pyproject.toml", project("new", "api-one"))
    write(inside(workspace, "new") / "imagekit.toml", '[functions.new]\nhandler = "app.handler"')
    write(inside(workspace, "new") / "app.py", APP)

    ends(workspace, 2, ("uv.lock", "uv lock"), "new")


def test_a_file_of_a_member_is_named_from_here(workspace: Project) -> None:
    """Many folders have an app.py: problems and warnings say whose it is."""
    app = inside(workspace, "api") / "app.py"
    app.write_text(f"{APP}KEY = '{'AKIA' + 'QYLPMN5HHHFPZAM2'}'\n", encoding="utf-8")
    done = succeeded(workspace.run("plan"))
    assert "warning: api: app.py:3: looks like an AWS access key" in done.stderr

    (inside(workspace, "api") / "app2.py").symlink_to("nowhere.py")
    assert "functions/api/app2.py" in ends(workspace, 2, ())
    again = workspace.run("build", "api", cwd=inside(workspace, "jobs"))
    assert "../api/app2.py" in again.stderr


def test_an_unknown_function(workspace: Project) -> None:
    """Every function of the workspace is known inside a member, too."""
    done = workspace.run("build", "apy", cwd=inside(workspace, "jobs"))

    assert done.returncode == 2
    assert "api, jobs, nightly, root" in done.stderr
