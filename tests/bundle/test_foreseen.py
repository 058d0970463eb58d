"""What the loader weighs is known before there is a ZIP."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagekit.bundle.foreseen import loader_bytes
from imagekit.bundle.rest import loader_entries, rest_of
from imagekit.contents.trees import Compiler
from imagekit.model.digest import Digest
from imagekit.model.packaging import ARCHIVE, Unpacks
from imagekit.model.target import Target
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import BuildPlan, source_layer
from imagekit.plan.door import door_source
from imagekit.project.interpreter import Interpreter
from imagekit.store import Store
from tests.bundle.bundles import tree

MINOR = "{}.{}".format(*sys.version_info)
VERSION = "{}.{}.{}".format(*sys.version_info)
APP = Tree((FileEntry(path="app.py", size_bytes=1, owner="source", content=Bytes(b"\n")),))


@pytest.mark.parametrize("bytecode", [VERSION, None])
@pytest.mark.parametrize("bucket", [None, "team"])
def test_the_loader_is_foreseen(tmp_path: Path, bytecode: str | None, bucket: str | None) -> None:
    """With its bytecode, its description and the door: within 2 % where a bucket has the archive,
    as then it is nearly all of the ZIP; else within 10 %."""
    programs = {f"numpy/core/lib{n}.so": b"ELF" for n in range(20)}
    store = Store(tmp_path)
    content = tree(programs, programs=tuple(programs))
    rest = rest_of([Digest.of(b"")], lambda: [content], store, bucket)
    unpacks = Unpacks(
        layers=("numpy",),
        packed_bytes=rest.size_bytes,
        unpacked_bytes=rest.unpacked_bytes,
        disk_bytes=1,
        bucket=bucket,
    )
    plan = BuildPlan(
        function="app",
        handler="app.handler",
        target=Target.managed(MINOR, "x86_64"),
        packaging="zip-s3" if bucket else "zip-nested",
        why="",
        base=None,
        bytecode=bytecode,
        layers=(source_layer(APP, bytecode),),
        settings=None,
        limit_bytes=262_144_000,
        unpacks=unpacks,
    )
    with ThreadPoolExecutor(1) as pool:
        interpreter = Interpreter(argv=(sys.executable,), version=VERSION)
        compiler = Compiler(interpreter=interpreter, pool=pool) if bytecode else None
        entries = list(loader_entries(rest, store, compiler))
    made = sum(one.size_bytes for one in entries if one.path != ARCHIVE)
    made += len(door_source("app.py"))

    assert rest.layer_bytes == (rest.unpacked_bytes,) == (60,)
    assert loader_bytes(plan, unpacks, programs) == pytest.approx(made, rel=0.02 if bucket else 0.1)
