"""A resolution is kept: where nothing changed, no program runs and little is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from imagekit.model.package import Artifact, LockedPackage
from imagekit.project.locks import find, inputs_of, record, resolve
from imagekit.project.uv import Uv
from imagekit.store import Store
from tests.locks.world import World, names, pyproject, target, without_programs
from tests.services import needs


@pytest.fixture
def locked(world: World) -> World:
    world.wheel("plain")
    world.write("pyproject.toml", pyproject("plain"))
    world.lock()
    return world


def test_the_second_time_uv_does_not_run(locked: World) -> None:
    """One export for one lock, however often it is asked for."""
    first = locked.resolve()
    ran = len(locked.calls())

    assert locked.resolve() == first
    assert len(locked.calls()) == ran


def test_another_target_is_another_answer(locked: World) -> None:
    """What is kept for x86_64 is not handed out for arm64, nor one Python's for another."""
    locked.resolve()
    ran = len(locked.calls())

    locked.resolve(target=target("arm64"))
    locked.resolve(target=target(python="3.12"))

    assert len(locked.calls()) == ran + 2


@pytest.mark.parametrize("name", ["uv.lock", "pyproject.toml", "uv.toml"])
def test_what_uv_reads_is_looked_at_again(locked: World, name: str) -> None:
    """A change to the lock, the project or uv's settings lets uv look again."""
    locked.resolve()
    ran = len(locked.calls())
    path = locked.project / name
    path.write_text(path.read_text() + "\n# changed\n")

    locked.resolve()

    assert len(locked.calls()) == ran + 1


def test_a_hit_starts_nothing_and_imports_little(locked: World) -> None:
    """In a fresh Python, a hit imports neither packaging nor subprocess's users, and is quick."""
    locked.resolve()
    script = f"""
import json, sys, time
from pathlib import Path
from imagekit.model.target import Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks import find, resolve
from imagekit.project.uv import Uv
from imagekit.store import Store
root = Path({str(locked.project)!r})
function = FunctionConfig(name="scoring", handler="app.handler", root=root)
uv = Uv(environ=json.loads(sys.argv[1]), folder=root, python=sys.executable)
start = time.perf_counter()
found = resolve(find(function, root), function, Target.managed("3.13", "x86_64"),
                store=Store(Path({str(locked.root / "store")!r})), uv=uv)
seconds = time.perf_counter() - start
heavy = [name for name in ("packaging", "importlib.metadata", "uv", "email") if name in sys.modules]
print(json.dumps([[p.name for p in found.packages], seconds, heavy]))
"""
    environ = without_programs(locked.environ())
    ran = len(locked.calls())

    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(environ)],
        capture_output=True,
        check=True,
        text=True,
    )
    found, seconds, heavy = json.loads(done.stdout)

    assert found == ["plain"]
    assert heavy == []
    assert len(locked.calls()) == ran
    # Measured 2 to 3 ms with the import of tomli; loose for a machine that is busy.
    assert seconds < 0.1


def test_a_record_that_is_not_understood_is_made_anew(locked: World) -> None:
    """A store written by another version, or damaged, costs time and nothing else."""
    first = locked.resolve()
    for path in (locked.store.root / "records" / "resolution").iterdir():
        path.write_text('{"packages": [{"name": "plain", "version": "1.0", "wheel": [1]}]}')

    assert locked.resolve() == first


def test_every_kind_of_origin_survives(world: World) -> None:
    """What is read from the store equals what was put there."""
    from imagekit.model.digest import Digest
    from imagekit.model.package import Directory, Origin, Sdist, Vcs

    artifact = Artifact(filename="a.whl", url="https://i.test/a.whl", digest=Digest("a" * 64))
    origins: tuple[Origin, ...] = (
        artifact,
        Sdist(artifact=artifact, subdirectory="py"),
        Vcs(url="https://git.test/c", commit="b" * 40),
        Directory(Path("/somewhere/else")),
    )
    packages = tuple(
        LockedPackage(name=f"p{number}", version="1", origin=origin)
        for number, origin in enumerate(origins)
    )
    key = Digest("c" * 64)

    record.keep(world.store, key, packages)

    assert record.kept(world.store, key) == packages
    assert record.kept(world.store, Digest("d" * 64)) is None


def test_inputs_are_the_same_on_another_machine(locked: World, tmp_path: Path) -> None:
    """Inputs name what the user wrote, not where it lies or which uv read it."""
    function = locked.function()
    here = inputs_of(find(function, locked.project), function, target())
    moved = tmp_path / "elsewhere"
    locked.project.rename(moved)
    from msgspec.structs import replace

    there = replace(function, root=moved)
    lock = moved / "uv.lock"
    lock.write_bytes(lock.read_bytes().replace(b"\n", b"\r\n"))

    assert inputs_of(find(there, moved), there, target()) == here
    assert inputs_of(find(there, moved), there, target("arm64")) != here


def test_with_the_real_index(tmp_path: Path) -> None:
    """markupsafe and six, locked from the index that uv is set up for, for both architectures."""
    from imagekit.model.errors import CommandFailed
    from imagekit.project.config import FunctionConfig

    (tmp_path / "pyproject.toml").write_text(pyproject("markupsafe==3.0.2", "six==1.17.0"))
    uv = Uv(environ=needs.USER_ENVIRON, folder=tmp_path, python=sys.executable)
    try:
        uv.run("lock", "--python", sys.executable)
    except CommandFailed as error:
        needs.leave_out("package index", error.stderr_tail.splitlines()[-1])
    needs.have("package index", "as uv is set up")
    function = FunctionConfig(name="f", handler="a.h", root=tmp_path)
    lock = find(function, tmp_path)
    store = Store(tmp_path / "store")

    for arch, machine in (("x86_64", "x86_64"), ("arm64", "aarch64")):
        wanted = target("arm64" if arch == "arm64" else "x86_64")
        found = resolve(lock, function, wanted, store=store, uv=uv)
        assert names(found) == ["markupsafe", "six"]
        wheel = found.packages[0].origin
        assert isinstance(wheel, Artifact)
        assert wheel.filename.startswith("markupsafe-3.0.2-cp313-cp313-manylinux") or (
            wheel.filename.startswith("MarkupSafe-3.0.2-cp313-cp313-manylinux")
        )
        assert wheel.filename.endswith(f"{machine}.whl")
