"""Near the limit of a ZIP bytecode gives way, and the plan says so before anything is compiled."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.contents.facts import wheel_facts
from imagekit.model.package import Artifact, Package
from imagekit.pipeline.planning.room import foreseen_without_bytecode
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.packaging import bytecode_bytes, crowded_out, source_size
from imagekit.store import Store
from tests.e2e.projects import Project, write_project, write_pylock
from tests.plan.plans import layer, zip_plan
from tests.services.cli import succeeded
from tests.services.wheels import make_wheel

LIMIT = 10_000


def package(folder: Path, store: Store, name: str, sources: int, data: int) -> Package:
    """A wheel of a module of so many bytes and a file of others, measured."""
    files = {f"{name}.py": b"#" * sources, f"{name}.bin": b"x" * data}
    path = make_wheel(folder, name, "1.0", files)
    wheel = Artifact(
        filename=path.name, url=path.as_uri(), digest=store.put_blob(path.read_bytes())
    )
    found = Package(name=name, version="1.0", wheel=wheel)
    assert wheel_facts(found, store)
    return found


def plan(*packages: tuple[Package, int]) -> BuildPlan:
    layers = (layer(one.name, one, size_bytes=size_bytes) for one, size_bytes in packages)
    return replace(zip_plan(*layers), limit_bytes=LIMIT)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_the_largest_gives_way_first(tmp_path: Path, store: Store) -> None:
    """As `fitting` decides it when the ZIP is made, with sizes that are estimated."""
    small = package(tmp_path, store, "small", 1000, 0)
    large = package(tmp_path, store, "large", 5000, 1000)

    assert foreseen_without_bytecode(plan((small, 1000), (large, 6000)), store) == ("large",)


def test_data_has_no_bytecode(tmp_path: Path, store: Store) -> None:
    """Only sources are compiled, so a heavy library of machine code is no reason to worry."""
    heavy = package(tmp_path, store, "heavy", 100, 9000)

    assert foreseen_without_bytecode(plan((heavy, 9100)), store) == ()


def test_far_below_the_limit_nothing_is_read(tmp_path: Path, store: Store) -> None:
    """A plan that did not change must stay quick."""
    small = package(tmp_path, store, "small", 1000, 0)

    assert foreseen_without_bytecode(plan((small, 1000)), store) == ()
    assert not (store.root / "records" / "sources-2").exists()


def test_the_sizes_are_remembered(tmp_path: Path, store: Store) -> None:
    """The facts of large wheels are large themselves."""
    large = package(tmp_path, store, "large", 8000, 0)
    first = foreseen_without_bytecode(plan((large, 8000)), store)
    (record,) = (store.root / "records" / "sources-2").iterdir()

    assert json.loads(record.read_bytes()) == {"bytes": {large.wheel.digest.hex: 8000}}
    (store.root / "records" / "wheel" / f"{large.wheel.digest.hex}.json").unlink()
    store.blob_path(large.wheel.digest).unlink()
    assert foreseen_without_bytecode(plan((large, 8000)), store) == first == ("large",)


def test_without_bytecode_nothing_gives_way(tmp_path: Path, store: Store) -> None:
    """`bytecode = false` ships none at all."""
    large = package(tmp_path, store, "large", 8000, 0)

    assert foreseen_without_bytecode(replace(plan((large, 8000)), bytecode=None), store) == ()


def test_the_estimate_is_what_was_measured() -> None:
    """3.11 makes more of the same sources than those after it, and each more of tests."""
    made = [bytecode_bytes(100, python) for python in ("3.11", "3.12", "3.13", "3.14")]

    assert made == [119, 112, 107, 107]
    assert source_size("a/core.py", 100) == 100
    assert source_size("a/tests/test_core.py", 100) == 140
    assert source_size("a/core.so", 100) == 0


def test_parts_without_sources_are_not_named() -> None:
    """They have nothing to lose."""
    assert crowded_out(90, [("data", 0), ("code", 20), ("more", 30)], 100) == ("code", "more")


def test_imagekit_plan_says_it(tmp_path: Path) -> None:
    """A ZIP of 150 MB of sources has hardly room for as much bytecode; nothing is fetched."""
    make_wheel(tmp_path / "wheels", "huge", "1.0", {"huge.py": b"#" * 150_000_000})
    folder = write_project(
        tmp_path / "project",
        keys={"python": "{}.{}".format(*sys.version_info), "packaging": "zip"},
        files={"app.py": "def handler(event, context): ...\n"},
    )
    write_pylock(folder, (tmp_path / "wheels").glob("*.whl"))
    done = succeeded(Project(folder=folder).run("plan"))

    assert "hardly room for that of huge" in done.stdout
