"""Another imagekit than the project's: a version that it asks for, a recipe that is new."""

from __future__ import annotations

from tests.e2e.projects import Project
from tests.services.cli import succeeded


def set_recipe(project: Project, number: int) -> None:
    """As if another imagekit had written the lock."""
    lock = project.folder / "imagekit.lock"
    lock.write_text(f"version = 1\nrecipe = {number}\n", encoding="utf-8")


def test_a_new_recipe_is_announced_in_one_line_and_taken_over_on_purpose(project: Project) -> None:
    """On stderr, before anything is made; the lock says the old one until `imagekit lock`."""
    set_recipe(project, 0)
    for command in ("plan", "build"):
        done = succeeded(project.run(command))
        first, *_ = done.stderr.splitlines()
        assert first.startswith("warning: made by recipe 1, not 0 (")
        assert "1 ZIP (" in first
        assert "recipe 0" not in done.stdout
    assert "recipe = 0" in (project.folder / "imagekit.lock").read_text(encoding="utf-8")

    lock = succeeded(project.run("lock"))
    assert "recipe 1, not 0" in lock.stderr
    assert "recipe = 1" in (project.folder / "imagekit.lock").read_text(encoding="utf-8")
    assert "recipe" not in succeeded(project.run("build")).stderr


def test_ci_refuses_a_new_recipe(project: Project) -> None:
    """`--locked` is its default: exit 2, nothing made, and what to type."""
    set_recipe(project, 0)
    done = project.run("build", env={"CI": "true"})

    assert (done.returncode, done.stdout, project.made()) == (2, "", [])
    assert "recipe 1, not 0" in done.stderr
    assert done.stderr.endswith("hint: imagekit lock\n")


def test_a_project_may_ask_for_another_imagekit(project: Project) -> None:
    """That is all that is said, as its keys may be those of the other version: exit 2."""
    project.replace('python = "3.13"', 'python = "3.13"\nrequired-version = ">= 99"\nnew-key = 1')
    done = project.run("plan")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: the configuration cannot be used",
        "  imagekit.toml: required-version: this is imagekit 0.1.0; the project asks for >= 99",
        "",
        'hint: pip install "imagekit>=99"',
    ]


def test_a_version_that_fits_is_not_talked_of(project: Project) -> None:
    """Every command runs as without the key."""
    project.replace('python = "3.13"', 'python = "3.13"\nrequired-version = ">=0.1,<99"')

    assert "version" not in succeeded(project.run("build")).stderr
