"""Which build a function's name means: the last one, whatever the times of files say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imagekit.model.digest import Digest
from imagekit.model.errors import UsageError
from imagekit.model.outcome import Outcome
from imagekit.model.packaging import Packaging
from imagekit.model.target import ARCHITECTURES, Architecture
from imagekit.pipeline.last_build import remember
from imagekit.pipeline.named import InDocker, InRegistry
from imagekit.pipeline.newest import newest
from imagekit.project.config import FunctionConfig
from imagekit.project.read_config import load
from imagekit.store import Store
from tests.e2e.projects import Project, write_project
from tests.services.cli import succeeded

DIGEST = Digest("a" * 64)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Without a build on record."""
    return Store(tmp_path / "store")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with `dist`: a ZIP, and a layout that was written later."""
    folder = write_project(tmp_path / "project", keys={"python": "3.13"})
    (folder / "dist" / "app.oci").mkdir(parents=True)
    (folder / "dist" / "app.zip").write_bytes(b"")
    os.utime(folder / "dist" / "app.zip", (1, 1))
    return folder


def function(root: Path) -> FunctionConfig:
    return load(root, version="1.0", whole=True).functions[0]


def built(
    store: Store,
    root: Path,
    packaging: Packaging,
    *,
    path: Path | None = None,
    reference: str | None = None,
    architecture: Architecture = "x86_64",
) -> None:
    """As a build ends."""
    outcome = Outcome(
        name="app",
        architecture=architecture,
        packaging=packaging,
        why="",
        unzipped_bytes=1,
        limit_bytes=1,
        layers=(),
        path=path,
        reference=reference,
        digest=DIGEST,
    )
    remember(store, root, outcome, {}, 0)


def test_the_last_build_is_the_newest_whatever_its_file_is_dated(store: Store, root: Path) -> None:
    """A build where nothing changed leaves the file as it is; `--output` goes elsewhere."""
    archive, elsewhere = root / "dist" / "app.zip", root / "out" / "app.zip"
    built(store, root, "zip", path=archive)
    assert newest(store, root, function(root)) == archive

    elsewhere.parent.mkdir()
    elsewhere.write_bytes(b"")
    built(store, root, "zip", path=elsewhere)
    assert newest(store, root, function(root)) == elsewhere


def test_what_was_not_written_is_where_it_went(store: Store, root: Path) -> None:
    """A push alone, and `--load` alone: what lies in `dist` is older."""
    built(store, root, "image", reference="localhost:5000/app:1")
    assert newest(store, root, function(root)) == InRegistry(f"localhost:5000/app@{DIGEST}")

    built(store, root, "image", reference="docker:app:latest")
    assert newest(store, root, function(root)) == InDocker("app:latest")


def test_a_file_comes_before_what_has_to_be_fetched(store: Store, root: Path) -> None:
    """`--push --output DIR` leaves both; without the file the registry still has it."""
    layout = root / "dist" / "app.oci"
    built(store, root, "image", path=layout, reference="localhost:5000/app:1")
    assert newest(store, root, function(root)) == layout

    layout.rmdir()
    assert newest(store, root, function(root)) == InRegistry(f"localhost:5000/app@{DIGEST}")


def test_without_a_record_what_lies_in_dist_was_built(store: Store, root: Path) -> None:
    """Nothing on record, or what is on record was deleted: the latest file; else to be built."""
    layout = root / "dist" / "app.oci"
    assert newest(store, root, function(root)) == layout
    built(store, root, "zip", path=root / "gone" / "app.zip")
    assert newest(store, root, function(root)) == layout

    layout.rmdir()
    (root / "dist" / "app.zip").unlink()
    with pytest.raises(UsageError, match="app was not built yet") as refused:
        newest(store, root, function(root))
    assert refused.value.hint == "imagekit build app"


def test_of_several_architectures_the_latest_is_taken(store: Store, root: Path) -> None:
    """Each is a build of its own, under its own name."""
    config = root / "imagekit.toml"
    config.write_text(f'architecture = ["arm64", "x86_64"]\n{config.read_text("utf-8")}', "utf-8")
    for time, architecture in enumerate(ARCHITECTURES, 1):
        path = root / "dist" / f"app-{architecture}.zip"
        path.write_bytes(b"")
        os.utime(path, (time, time))
        built(store, root, "zip", path=path, architecture=architecture)

    assert newest(store, root, function(root)) == root / "dist" / "app-arm64.zip"
    built(store, root, "image", reference="docker:app-arm64:latest", architecture="arm64")
    (root / "dist" / "app-x86_64.zip").unlink()
    assert newest(store, root, function(root)) == InDocker("app-arm64:latest")


def test_a_build_elsewhere_is_what_commands_take(tmp_path: Path) -> None:
    """`build --output ELSEWHERE`, then the function's name."""
    folder = write_project(
        tmp_path, keys={"python": "3.13"}, files={"app.py": "def handler(e, c): return 1\n"}
    )
    project = Project(folder=folder, env={"IMAGEKIT_CACHE_DIR": str(tmp_path / ".cache")})
    project.build()
    (folder / "app.py").write_text("def handler(e, c): return 22\n", encoding="utf-8")
    project.build("--output", "elsewhere")

    text = succeeded(project.run("diff", "app", "elsewhere/app.zip")).stdout
    assert "nothing differs" in text
    assert "elsewhere/app.zip" in succeeded(project.run("check")).stderr
