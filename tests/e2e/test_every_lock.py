"""Every project as it is: whatever tool locked it, the same packages are the same bytes."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.e2e import five
from tests.e2e.many import layout_base, write
from tests.e2e.projects import Project, read_manifest
from tests.e2e.test_bad_input import ends
from tests.locks.world import BACKEND, BUILD_SYSTEM
from tests.services import lockers, needs
from tests.services.index import Index


class Place(Struct, frozen=True, kw_only=True):
    """Where the projects of this file lie, and where their packages come from."""

    root: Path
    index: Index
    base: Path
    uv_cache: Path

    @property
    def env(self) -> dict[str, str]:
        """Of tools that have no settings of their own here."""
        return five.environ(self.index, self.uv_cache)

    def project(self, kind: str) -> Project:
        """The function, locked by this tool."""
        folder = five.app(self.root / kind / "app", self.base)
        five.LOCKS[kind](folder, self.index, self.env)
        own = {"UV_DEFAULT_INDEX": five.NOWHERE} if kind in five.OWN_INDEX else {}
        return Project(folder=folder, env={**self.env, **own})


@pytest.fixture
def place(tmp_path: Path, test_cache: Path, uv_cache: Path) -> Iterator[Place]:
    """An index of the five, and a base that is a folder."""
    with Index(five.fetch(test_cache)) as index:
        base = layout_base(tmp_path / "base")
        yield Place(root=tmp_path, index=index, base=base, uv_cache=uv_cache)


def layers_of(project: Project) -> list[Mapping[str, Any]]:
    """The image's layers above the base: digest, size and media type of each."""
    built = project.build("--packaging", "image")
    layers: list[Mapping[str, Any]] = read_manifest(project.folder / "dist" / "app.oci")["layers"]
    assert built["packaging"] == "image"
    assert len(layers) >= 3, "the base, packages, the source"
    return layers[1:]


def zip_of(project: Project) -> Path:
    """The ZIP that a build makes."""
    project.build("--packaging", "zip", "--output", "zipped")
    (made,) = (project.folder / "zipped").glob("*.zip")
    return made


def test_the_same_packages_are_the_same_layers(place: Place) -> None:
    """Eight ways to lock the same five: one ZIP, and one list of layers, digest for digest."""
    projects = {kind: place.project(kind) for kind in five.LOCKS}
    layers = {kind: layers_of(project) for kind, project in projects.items()}
    zips = {kind: five.sha256(zip_of(project)) for kind, project in projects.items()}

    assert {kind: found for kind, found in layers.items() if found != layers["uv"]} == {}
    assert set(zips.values()) == {zips["uv"]}, zips
    plan = projects["poetry"].run("plan", "--json").stdout
    assert all(f"{name} {version}" in plan for name, version in five.FIVE.items())


@pytest.mark.parametrize("kind", ["poetry", "pdm"])
def test_an_unchanged_lock_needs_neither_uv_nor_the_index(
    place: Place, kind: str, tmp_path: Path
) -> None:
    """The second build: no uv is started, nobody is asked, and the lock says `--locked` is fine."""
    project = place.project(kind)
    first = zip_of(project).read_bytes()
    front = write_front(tmp_path / "uv")
    place.index.forget()

    project = project.with_env(UV=str(front))
    project.build("--packaging", "zip", "--output", "zipped", "--locked")

    assert (project.folder / "zipped" / "app.zip").read_bytes() == first
    assert not front.with_suffix(".calls").exists()
    assert place.index.requests == {}


def write_front(path: Path) -> Path:
    """A uv that only writes down that it was called."""
    path.write_text(f'#!/bin/sh\necho "$@" >> "{path}.calls"\nexit 1\n', encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("kind", ["poetry", "pdm"])
def test_a_stale_lock_is_refused(place: Place, kind: str) -> None:
    """A dependency that the lock does not know: exit 2, the lock's name, and what to type."""
    project = place.project(kind)
    project.replace('"six==1.17.0"', '"six==1.16.0"', "pyproject.toml")

    ends(project, 2, (f"{kind}.lock", f"hint: {kind} lock"))


def own(folder: Path, name: str) -> Path:
    """A project that builds without a network."""
    head = f'[project]\nname = "{name}"\nversion = "0.3"\n'
    write(folder / "pyproject.toml", head + BUILD_SYSTEM)
    write(folder / "backend.py", BACKEND)
    write(folder / "src" / name / "__init__.py", f"NAME = {name!r}")
    return folder


def commit(folder: Path) -> Path:
    """The folder as a git repository with one commit."""
    who = ("-c", "user.name=t", "-c", "user.email=t@t.test", "-c", "commit.gpgsign=false")
    for arguments in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "one")):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def with_own(place: Place, kind: str) -> Project:
    """A project with a folder and a commit among its dependencies."""
    needs.needs("git", "git")
    root = place.root / f"own-{kind}"
    own(root / "lib", "mylib")
    repository = commit(own(root / "repository", "gitlib"))
    folder = five.app(root / "app", place.base)
    head = five.PROJECT.partition("dependencies")[0]
    if kind == "poetry":
        more = (
            'dynamic = ["dependencies"]\n[tool.poetry]\npackage-mode = false\n'
            '[tool.poetry.dependencies]\nmylib = { path = "../lib", develop = true }\n'
            f'gitlib = {{ git = "{repository.as_uri()}" }}\n'
        )
    else:
        # pdm loses a slash of `git+file:///`, which then names no host.
        git = repository.as_uri().replace("file:///", "file://localhost/")
        more = (
            'dependencies = ["mylib @ file:///${PROJECT_ROOT}/../lib", '
            f'"gitlib @ git+{git}"]\n[tool.pdm]\ndistribution = false\n'
        )
    write(folder / "pyproject.toml", head + more)
    lockers.run(kind, "lock", folder=folder)
    return Project(folder=folder, env={**place.env, "UV_DEFAULT_INDEX": five.NOWHERE})


def test_folders_and_commits_are_built(place: Place) -> None:
    """Path dependencies and git: the same wheels from poetry's lock and from pdm's."""
    made = {kind: zip_of(with_own(place, kind)) for kind in ("poetry", "pdm")}
    with zipfile.ZipFile(made["poetry"]) as archive:
        names = set(archive.namelist())

    assert {"mylib/__init__.py", "gitlib/__init__.py", "app.py"} <= names
    assert five.sha256(made["poetry"]) == five.sha256(made["pdm"])
