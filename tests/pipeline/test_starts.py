"""Measured starts stay on this machine, and say whether they are of what is there now."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from imagekit.model.startup import ColdStart, StartSeries
from imagekit.model.target import Target
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.pipeline.starts import keep_start, kept_start
from imagekit.plan.build_plan import BuildPlan, source_layer
from imagekit.store import Store

SERIES = StartSeries(
    artefact="app",
    function="app",
    packaging="zip",
    where="here",
    memory_limit_mb=1024,
    starts=tuple(ColdStart(artefact="app", batch=n, init_ms=ms) for n, ms in enumerate((3, 1, 2))),
)


def plan(text: bytes = b"") -> BuildPlan:
    source = Tree.of(
        [FileEntry(path="app.py", size_bytes=len(text), owner="source", content=Bytes(text))]
    )
    return BuildPlan(
        function="app",
        handler="app.handler",
        target=Target.managed("3.13", "x86_64"),
        packaging="zip",
        why="",
        base=None,
        bytecode=None,
        layers=(source_layer(source, None),),
        settings=None,
        limit_bytes=1,
    )


def test_the_last_one_is_kept(tmp_path: Path) -> None:
    """The median, how often, and under which memory."""
    store = Store(tmp_path)
    assert kept_start(store, tmp_path, plan()) is None
    keep_start(store, tmp_path, plan(), SERIES)
    found = kept_start(store, tmp_path, plan())

    assert found is not None
    assert (found.median_ms, found.count, found.memory_limit_mb) == (2, 3, 1024)
    assert found.current


def test_other_inputs_are_said(tmp_path: Path) -> None:
    """Another code may start otherwise: it is shown, and not taken for what would be built."""
    store = Store(tmp_path)
    keep_start(store, tmp_path, plan(), SERIES)
    found = kept_start(store, tmp_path, plan(b"import slow\n"))

    assert found is not None
    assert not found.current


def test_each_packaging_and_project_by_itself(tmp_path: Path) -> None:
    """A measurement of one says nothing about another."""
    store = Store(tmp_path)
    keep_start(store, tmp_path, plan(), SERIES)

    assert kept_start(store, tmp_path, replace(plan(), packaging="zip-nested")) is None
    assert kept_start(store, tmp_path / "other", plan()) is None
