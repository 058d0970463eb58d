"""A ZIP near its limit keeps the bytecode that a start needs, and says what it kept."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from imagekit.bundle.build import MadeZip, make_zip
from imagekit.contents.trees import Compiler
from imagekit.model.digest import Digest
from imagekit.model.gain import BytecodeGain
from imagekit.model.package import Artifact, Package
from imagekit.model.target import Target
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import BuildPlan, package_layers, source_layer
from imagekit.project.interpreter import Interpreter
from imagekit.store import Store
from tests.services.wheels import make_wheel

MINOR = "{}.{}".format(*sys.version_info)
VERSION = "{}.{}.{}".format(*sys.version_info)
BODY = "\n".join(f"def f{i}(x):\n    return x * {i}" for i in range(300)).encode()
APP = b"import tables\nfrom tables import rows\ndef handler(e, c): ...\n"
WHEELS = {
    "tables": {
        "tables/__init__.py": b"from . import rows\n" + BODY,
        "tables/rows.py": BODY,
        "tables/never.py": BODY,
    },
    "never": {"never.py": b"X = [" + b"1.5, 2.5, " * 500 + b"]\n"},
    "driver": {"driver.py": BODY},
}


class Bench(Struct, frozen=True):
    """Where ZIPs are made."""

    folder: Path
    store: Store
    compiler: Compiler | None

    def make(self, plan: BuildPlan) -> MadeZip:
        return make_zip(
            plan,
            self.store,
            lambda package: self.folder / package.wheel.filename,
            self.compiler if plan.bytecode else None,
        )

    def compiled(self, found: MadeZip) -> list[str]:
        """Modules whose bytecode is in the ZIP."""
        with zipfile.ZipFile(self.store.blob_path(found.digest)) as archive:
            names = [name for name in archive.namelist() if name.endswith(".pyc")]
        paths = (name.replace("__pycache__/", "").partition(".cpython")[0] for name in names)
        return sorted(path.replace("/", ".") for path in paths)

    def with_room(self, plan: BuildPlan, room_bytes: int) -> BuildPlan:
        """The same with room for so many bytes of bytecode."""
        whole = self.make(plan)
        assert whole.bytecode is not None
        plain = whole.unzipped_bytes - whole.bytecode.size_bytes
        return replace(plan, limit_bytes=plain + 1 + room_bytes)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    interpreter = Interpreter(argv=(sys.executable,), version=VERSION)
    with ThreadPoolExecutor(2) as pool:
        compiler = Compiler(interpreter=interpreter, pool=pool)
        yield Bench(tmp_path / "wheels", Store(tmp_path / "store"), compiler)


@pytest.fixture
def plan(tmp_path: Path) -> BuildPlan:
    """A handler that imports half of one package, and two packages that nobody imports."""
    packages, weights = [], {}
    for name, files in WHEELS.items():
        path = make_wheel(tmp_path / "wheels", name, "1.0", files)
        wheel = Artifact(filename=path.name, url=path.as_uri(), digest=Digest.of(path.read_bytes()))
        packages.append(Package(name=name, version="1.0", wheel=wheel))
        weights[name] = sum(map(len, files.values()))
    app = FileEntry(path="app.py", size_bytes=len(APP), owner="source", content=Bytes(APP))
    return BuildPlan(
        function="f",
        handler="app.handler",
        target=Target.managed(MINOR, "x86_64"),
        packaging="zip",
        why="",
        base=None,
        bytecode=VERSION,
        layers=(*package_layers(packages, weights, VERSION), source_layer(Tree((app,)), VERSION)),
        settings=None,
        limit_bytes=10_000_000,
    )


def test_all_of_it_where_there_is_room(plan: BuildPlan, bench: Bench) -> None:
    """Nothing gives way below the limit, and nothing is said of it."""
    found = bench.make(plan)

    assert len(bench.compiled(found)) == 6
    assert found.bytecode is not None
    assert (found.bytecode.cut, found.bytecode.size_bytes) == ((), found.bytecode.total_bytes)


def test_what_the_handler_imports_stays(plan: BuildPlan, bench: Bench) -> None:
    """Half of a package stays where its other half, and whole packages, are never imported."""
    whole = bench.make(plan).bytecode
    assert whole is not None
    tight = bench.with_room(plan, whole.total_bytes // 2)
    found = bench.make(tight)

    assert "tables.never" not in bench.compiled(found)
    assert {"app", "tables.__init__", "tables.rows"} <= set(bench.compiled(found))
    assert found.bytecode is not None
    assert found.bytecode.reached_kept_bytes == found.bytecode.reached_bytes > 0
    assert found.unzipped_bytes < tight.limit_bytes


def test_one_byte_too_much_costs_one_file(plan: BuildPlan, bench: Bench) -> None:
    """It gives way file by file, not package by package: the least that makes it fit."""
    whole = bench.make(plan).bytecode
    assert whole is not None
    found = bench.make(bench.with_room(plan, whole.total_bytes - 1))

    assert len(bench.compiled(found)) == 5


def test_a_kept_measurement_changes_the_order_and_the_zip(plan: BuildPlan, bench: Bench) -> None:
    """A package that is loaded by name alone stays where the lock says that it is worth it."""
    whole = bench.make(plan).bytecode
    assert whole is not None
    tight = bench.with_room(plan, whole.total_bytes * 3 // 4)
    gain = BytecodeGain(package="driver", bytecode_bytes=20_000, saved_ms=90)
    heavy = BytecodeGain(package="never", bytecode_bytes=10_000_000, saved_ms=1)
    after = bench.make(replace(tight, gains=(gain,)))

    assert "driver" in bench.compiled(after)
    assert bench.make(replace(tight, gains=(heavy,))).digest != after.digest


def test_it_is_found_again_with_what_it_kept(plan: BuildPlan, bench: Bench) -> None:
    """The second build makes nothing and says the same."""
    tight = bench.with_room(plan, 1000)
    first, second = bench.make(tight), bench.make(tight)

    assert (first.new, second.new) == (True, False)
    assert replace(second, new=True) == first


def test_another_limit_makes_another_zip(plan: BuildPlan, bench: Bench) -> None:
    """What was kept below one limit is not taken for what another leaves room for."""
    assert bench.make(bench.with_room(plan, 1000)).digest != bench.make(plan).digest


def test_without_a_compiler_there_is_none(plan: BuildPlan, bench: Bench) -> None:
    """`bytecode = false` has nothing to keep, and nothing to say."""
    found = bench.make(replace(plan, bytecode=None))

    assert (bench.compiled(found), found.bytecode) == ([], None)
