"""Making layers: each once, looked at before it is kept, let out when none can be refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from imagekit.contents.elf import inspect_elf
from imagekit.engines.layers import LayerMaker, make_all
from imagekit.model.digest import Digest
from imagekit.model.errors import ChecksFailed
from imagekit.model.image import LayerRecord, NewBlob, NewLayer
from imagekit.model.package import Package
from imagekit.model.target import Target
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.oci.budget import Budget
from imagekit.plan.build_plan import LayerPlan
from imagekit.store import Store

# A header alone, of a machine that is not x86-64 (ELF64, little-endian, e_machine 183: AArch64).
ARM = (b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x03\0" + b"\xb7\0" + b"\x01\0\0\0").ljust(
    64, b"\0"
)


def layer(name: str, files: dict[str, bytes]) -> LayerPlan:
    tree = Tree.of(
        FileEntry(path=path, size_bytes=len(data), owner=name, content=Bytes(data))
        for path, data in files.items()
    )
    return LayerPlan(
        name=name,
        kind="source",
        packages=(),
        root="/var/task",
        why="test",
        fingerprint=Digest.of(name.encode()),
        unzipped_bytes=tree.size_bytes,
        files=tree,
    )


def no_wheels(package: Package) -> Path:
    raise AssertionError(package)


@pytest.fixture
def maker(tmp_path: Path) -> LayerMaker:
    return LayerMaker(
        store=Store(tmp_path),
        wheel_path=no_wheels,
        compiler=None,
        target=Target.managed("3.13", "x86_64"),
        budget=Budget(),
    )


def test_each_layer_is_made_once_and_let_out(maker: LayerMaker) -> None:
    """Two functions with one layer make it once; `out` is told of each, last when it is kept."""
    one, two = layer("one", {"a.py": b"1"}), layer("two", {"b.py": b"22"})
    out: list[NewLayer] = []
    done: list[int] = []
    made = make_all([(maker, one), (maker, two), (maker, one)], done.append, out.append)

    assert set(made) == {one.fingerprint, two.fingerprint}
    assert sorted(done) == [1, 2]
    kept = [one for one in out if isinstance(one, LayerRecord)]
    assert sorted(kept, key=str) == sorted(made.values(), key=str)
    assert all(maker.store.has_blob(record.digest) for record in kept)


def test_nothing_is_let_out_where_one_is_refused(maker: LayerMaker) -> None:
    """A layer that Lambda would refuse keeps all others of the run here."""
    assert inspect_elf(ARM)
    out: list[NewLayer] = []
    jobs = [layer(f"good{n}", {f"{n}.py": b"x" * n}) for n in range(1, 6)]
    with pytest.raises(ChecksFailed) as raised:
        make_all(
            [(maker, one) for one in [*jobs, layer("bad", {"bad.so": ARM})]],
            lambda size_bytes: None,
            out.append,
        )

    assert "aarch64" in str(raised.value.findings)
    assert out == []


def test_a_layer_leaves_while_another_is_still_made(maker: LayerMaker) -> None:
    """Once every file was looked at, what is finished does not wait for what is not."""
    small, large = layer("small", {"a.py": b"1"}), layer("large", {"b.py": b"2" * 50})
    small_left = threading.Event()

    class Waiting(Store, frozen=True):
        """Keeps the large layer's record only when the small one has left."""

        def put_record(self, kind: str, key: str, value: dict[str, object]) -> None:
            if key == large.fingerprint.hex:
                assert small_left.wait(20), "the small layer waited for the large one"
            super().put_record(kind, key, value)

    slow = LayerMaker(
        store=Waiting(maker.store.root),
        wheel_path=no_wheels,
        compiler=None,
        target=maker.target,
        budget=Budget(),
    )

    def out(blob: NewLayer) -> None:
        if blob.fingerprint == small.fingerprint:
            small_left.set()

    made = make_all([(slow, large), (slow, small)], lambda size_bytes: None, out)

    assert len(made) == 2


def test_the_last_layer_may_leave_before_it_is_written(maker: LayerMaker) -> None:
    """Its bytes are whole, and no other layer can be refused any more."""
    only = layer("only", {"a.py": b"1"})
    out: list[tuple[NewLayer, bool]] = []
    made = make_all(
        [(maker, only)],
        lambda size_bytes: None,
        lambda blob: out.append((blob, maker.store.has_blob(blob.digest))),
    )

    (early, was_kept), (late, is_kept) = out
    record = made[only.fingerprint]
    assert (was_kept, is_kept) == (False, True)
    assert isinstance(early, NewBlob)
    assert Digest.of(early.data) == record.digest
    assert late == record
