"""A ZIP and its Lambda layers near the limit: layers follow their packages, not your code."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from imagekit.bundle.build import MadeZip
from imagekit.bundle.layered import known_layered, make_layered
from imagekit.contents.trees import Compiler
from imagekit.model.base import SHARED_ROOT
from imagekit.model.lambda_layer import LambdaLayer, layer_name
from imagekit.model.package import Package
from imagekit.model.target import Target
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import BuildPlan, source_layer
from imagekit.store import Store
from tests.bundle.bundles import noise

MIB = 1024 * 1024
PYC = noise(MIB + 200_000, 1)


class Compiles(Struct, frozen=True):
    """Makes more than a MiB of bytecode of each module of a package, and a little of your code."""

    def bytecode(self, tree: Tree, root: str) -> tuple[FileEntry, ...]:
        return tuple(
            entry(
                f"__pycache__/{one.path.removesuffix('.py')}.cpython-313.pyc",
                PYC if root == SHARED_ROOT else b"small",
            )
            for one in tree
        )


def entry(path: str, data: bytes) -> FileEntry:
    return FileEntry(path=path, size_bytes=len(data), owner="demo 1", content=Bytes(data))


def plan(code: str, limit_bytes: int = 3 * MIB) -> BuildPlan:
    """Code beside a layer of two modules, whose bytecode together is too much for the limit."""
    packages = Tree.of([entry("a.py", b"A = 1\n"), entry("b.py", b"B = 1\n")])
    layer = replace(
        source_layer(packages, "3.13.0"), name="demo", kind="packages", root=SHARED_ROOT
    )
    attached = LambdaLayer(
        name=layer_name("app-packages", "3.13", "x86_64"),
        parts=("demo",),
        unzipped_bytes=0,
        size_bytes=0,
    )
    source = Tree.of([entry("app.py", code.encode())])
    return BuildPlan(
        function="app",
        handler="app.handler",
        target=Target.managed("3.13", "x86_64"),
        packaging="zip-layers",
        why="",
        base=None,
        bytecode="3.13.0",
        layers=(layer, source_layer(source, "3.13.0")),
        settings=None,
        limit_bytes=limit_bytes,
        attaches=(attached,),
    )


def made(folder: Path, wanted: BuildPlan) -> MadeZip:
    def nowhere(package: Package) -> Path:
        raise AssertionError(package)

    return make_layered(wanted, Store(folder), nowhere, cast("Compiler", Compiles()))


def test_room_for_code_is_kept_in_steps(tmp_path: Path) -> None:
    """A few more bytes of code take no bytecode out of a layer: its bytes stay what they were."""
    one = made(tmp_path, plan("import a\n"))
    other = made(tmp_path, plan("import a\n" + "# more\n" * 20_000))

    assert one.digest != other.digest
    assert one.attached == other.attached
    assert one.bytecode is not None
    assert one.bytecode.cut == ("demo",)


def test_what_the_handler_imports_is_kept_first(tmp_path: Path) -> None:
    """Another import is another choice; below the limit each time, layers and code together."""
    one, other = made(tmp_path, plan("import a\n")), made(tmp_path, plan("import b\n"))

    assert one.attached != other.attached
    for found in (one, other):
        total = found.unzipped_bytes + sum(layer.unzipped_bytes for layer in found.attached)
        assert MIB < total < 3 * MIB


def test_others_take_their_part_of_the_limit(tmp_path: Path) -> None:
    """What layers of others unpack to is room that bytecode has not."""
    beside = replace(plan("import a\n"), others_bytes=MIB)
    found = made(tmp_path, beside)

    assert found.bytecode is not None
    assert found.bytecode.size_bytes < MIB


def test_all_of_it_where_it_fits(tmp_path: Path) -> None:
    """And found again without making it; not where one of its layers is gone."""
    roomy = plan("import a\n", limit_bytes=9 * MIB)
    found = made(tmp_path, roomy)
    store = Store(tmp_path)

    assert found.bytecode is not None
    assert found.bytecode.cut == ()
    again = known_layered(roomy, store)
    assert again is not None
    assert again.attached == found.attached
    digest = found.attached[0].digest
    assert digest is not None
    store.blob_path(digest).unlink()
    assert known_layered(roomy, store) is None
