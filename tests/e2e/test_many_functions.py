"""A workspace of sixty functions over twelve sets of dependencies: what is shared is done once."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagekit.project.uv import locate
from tests.e2e.many import PYTHON, Many, layout_base, uv_lock
from tests.e2e.projects import Project, all_bytes
from tests.services.cli import succeeded
from tests.services.index import Index

MANY = Many(functions=60, sets=12)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index of the sets' wheels, which counts."""
    with Index(MANY.wheels(tmp_path_factory.mktemp("many-wheels"))) as served:
        yield served


@pytest.fixture
def many(tmp_path: Path, index: Index, uv_env: Callable[[Index], dict[str, str]]) -> Project:
    """The workspace as images, locked by uv; nothing of it was fetched yet."""
    return made(tmp_path, index, uv_env(index), packaging="image")


def made(tmp_path: Path, index: Index, env: dict[str, str], **keys: object) -> Project:
    base = layout_base(tmp_path / "base.oci")
    folder = tmp_path / "workspace"
    MANY.project(folder, {"base": str(base), "python": PYTHON, **keys})
    uv_lock(folder, {**os.environ, **env})
    index.forget()
    return Project(folder=folder, env=env)


def built(project: Project, *arguments: str, **options: Any) -> list[dict[str, Any]]:
    """What a build says of each function."""
    done = succeeded(project.run("build", *arguments, "--json", **options))
    return list(json.loads(done.stdout)["functions"])


def records(store: Path, kind: str) -> set[str]:
    """Names of the store's records of a kind: one a layer, or a part's bytecode."""
    return {path.name for path in (store / "records" / kind).glob("*.json")}


def seconds_of(action: Callable[[], object], tries: int = 2) -> float:
    """Seconds of CPU that imagekit and what it starts take, the best of a few.

    A clock would tell what else the machine does; on Windows nobody counts, and it is 0.
    """
    spent = []
    for _ in range(tries):
        began = _children()
        action()
        spent.append(_children() - began)
    return min(spent)


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def change(project: Project, name: str) -> None:
    """Edit the source of one function."""
    app = project.folder / "functions" / name / "app.py"
    app.write_text(app.read_text(encoding="utf-8") + f"CHANGED = {time.time_ns()}\n")


def test_what_is_shared_is_fetched_and_made_once(
    many: Project, index: Index, clean_environ: Path
) -> None:
    """From an empty store: each wheel is fetched once and is one layer, each source one layer."""
    functions = built(many)
    layers = {layer["fingerprint"] for one in functions for layer in one["layers"]}

    assert [one["name"] for one in functions] == MANY.names()
    wheels = {path.name for path in index.wheels()}
    assert index.downloads() == dict.fromkeys(wheels, 1)
    assert len(layers) == MANY.functions + len(wheels)
    assert len(records(clean_environ, "layer")) == len(layers)


def test_one_changed_function_makes_its_own_source_layer_alone(
    many: Project, index: Index, clean_environ: Path
) -> None:
    """Found by fingerprint: one more layer in the store, nothing fetched, 59 outputs the same."""
    built(many)
    before, outputs = records(clean_environ, "layer"), all_bytes(many.folder / "dist")
    index.forget()
    change(many, "job07")
    functions = {one["name"]: one for one in built(many)}
    new = records(clean_environ, "layer") - before
    after = all_bytes(many.folder / "dist")
    changed = {
        path.split("/")[0] for path in outputs | after if outputs.get(path) != after.get(path)
    }

    assert new == {
        f"{functions['job07']['layers'][-1]['fingerprint'].removeprefix('sha256:')}.json"
    }
    assert changed == {"job07.oci"}
    assert not index.requests


def test_uv_is_asked_once_for_each_set(many: Project, tmp_path: Path) -> None:
    """Twelve sets are twelve exports, for sixty functions; a second run starts no program."""
    front, calls = tmp_path / "uv", tmp_path / "calls"
    front.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\nexec "{locate(os.environ)}" "$@"\n')
    front.chmod(0o755)
    counted = many.with_env(UV=str(front))
    succeeded(counted.run("plan"))
    ran = calls.read_text().splitlines()
    succeeded(counted.run("plan"))

    assert sum(" export " in f" {call} " for call in ran) == MANY.sets
    assert calls.read_text().splitlines() == ran


def test_no_change_costs_planning_alone(many: Project) -> None:
    """Sixty unchanged functions are built in little more time than they are planned, and within
    a bound that a second look at any wheel, lock or program for each would break."""
    first = seconds_of(lambda: succeeded(many.run("plan")), tries=1)
    built(many)
    plan = seconds_of(lambda: succeeded(many.run("plan")))
    build = seconds_of(lambda: succeeded(many.run("build")))

    assert first < 10
    assert plan < 2
    assert build < plan + 1.5


def test_a_change_does_not_grow_with_the_other_functions(many: Project) -> None:
    """Building all after one change costs one layer more than building none of them anew."""
    built(many)
    unchanged = seconds_of(lambda: built(many))

    def rebuild() -> None:
        change(many, "job07")
        built(many)

    assert seconds_of(rebuild) < unchanged + 0.7
    alone = seconds_of(lambda: succeeded(many.run("build", "job07")))
    assert alone < unchanged


def test_sixty_plans_are_a_line_each(many: Project) -> None:
    """A table to read: what is to be made, and how to see one in full."""
    done = succeeded(many.run("plan"))
    lines = done.stdout.splitlines()

    assert [line.split()[0] for line in lines] == MANY.names()
    assert max(map(len, lines)) <= 100
    assert "4 of 4 layers to make" in lines[0]
    assert done.stderr.splitlines()[-1].endswith("imagekit plan NAME for its layers")
    one = succeeded(many.run("plan", "job07")).stdout.splitlines()
    assert len(one) > 6


def test_zips_share_compiled_bytecode(
    tmp_path: Path,
    index: Index,
    uv_env: Callable[[Index], dict[str, str]],
    clean_environ: Path,
) -> None:
    """Each package is compiled once for all ZIPs, and not again when a source changes."""
    project = made(tmp_path, index, uv_env(index), packaging="zip")
    built(project)
    wheels = {path.name for path in index.wheels()}
    compiled = records(clean_environ, "bytecode")

    assert index.downloads() == dict.fromkeys(wheels, 1)
    assert len(compiled) == len(wheels)
    before = all_bytes(project.folder / "dist")
    change(project, "job07")
    built(project)
    after = all_bytes(project.folder / "dist")
    assert records(clean_environ, "bytecode") == compiled
    assert {path for path in after if after[path] != before[path]} == {"job07.zip"}
