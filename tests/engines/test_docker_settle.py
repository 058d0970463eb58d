"""What is left of `uv pip install` once `settle.py` was there: what is made without Docker."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from imagekit.contents.install import wheel_tree
from imagekit.contents.slim.dress import slimmed
from imagekit.contents.trees import package_tree
from imagekit.engines.docker import settle as program
from imagekit.engines.docker.settle import settle
from imagekit.model.digest import Digest
from imagekit.model.package import Artifact, Package
from imagekit.model.slim import WHOLE, Slim, SlimSettings
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.oci.tar import MTIME, tar_bytes
from imagekit.project.uv import locate
from imagekit.store import Store
from tests.contents.shared_objects import shared_object
from tests.services.wheels import make_wheel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it runs in Linux images alone")


def wheel(folder: Path, name: str) -> Path:
    """A wheel with all that installers change: scripts, modes, its own stale bytecode."""
    return make_wheel(
        folder,
        name,
        "1.0",
        {
            f"{name}/__init__.py": b"def main(): ...\n",
            f"{name}/__pycache__/__init__.cpython-313.pyc": b"stale",
            f"{name}/tool.sh": b"#!/bin/sh\n",
            f"{name}/data/__pycache__/only.pyc": b"stale",
            f"{name}/data/a,b.txt": b"a comma in a name\n",
        },
        executable=[f"{name}/tool.sh"],
        entry_points={f"{name}-run": f"{name}:main"},
        data={"scripts": {f"{name}.sh": b"#!python\nprint()\n"}, "data": {"etc/x.cfg": b"x"}},
    )


def install(root: Path, made: Path) -> Path:
    """As the Dockerfile has it."""
    options = ("--quiet", "--offline", "--no-config", "--no-cache", "--no-index", "--no-deps")
    where = ("--python", sys.executable, "--target", str(root))
    (root / ".uv").mkdir(parents=True)
    subprocess.run(
        [locate(os.environ), "pip", "install", *options, *where, str(made)],
        env={**os.environ, "TMPDIR": str(root / ".uv")},
        check=True,
    )
    return root


def package_of(name: str, made: Path) -> Package:
    digest = Digest.of(made.read_bytes())
    artifact = Artifact(filename=made.name, url=made.as_uri(), digest=digest)
    return Package(name=name, version="1.0", wheel=artifact)


def tree_of(name: str, made: Path, slim: Slim = WHOLE) -> Tree:
    return wheel_tree(replace(package_of(name, made), slim=slim), made)


def on_disk(root: Path) -> dict[str, tuple[bool, bytes]]:
    """Executable, and bytes; scripts without their first line, which is the interpreter's path."""
    found = {}
    for path in root.rglob("*"):
        if path.is_file():
            name = path.relative_to(root).as_posix()
            found[name] = (bool(path.stat().st_mode & 0o111), shorn(name, path.read_bytes()))
    return found


def shorn(name: str, data: bytes) -> bytes:
    """Without what may differ: a script's first line, and the size and hash of it in RECORD."""
    if name.startswith("bin/"):
        return data.partition(b"\n")[2]
    if name.endswith("/RECORD"):
        lines = data.split(b"\n")
        return b"\n".join(b"bin/" if one.startswith(b"bin/") else one for one in lines)
    return data


def planned(tree: Tree) -> dict[str, tuple[bool, bytes]]:
    return {one.path: (one.executable, shorn(one.path, bytes(one.content.read()))) for one in tree}


def test_the_same_files_as_without_docker(tmp_path: Path) -> None:
    """Paths, bytes and modes, RECORD among them: only a script's first line differs."""
    made = wheel(tmp_path / "wheels", "demo")
    root = install(tmp_path / "task", made)
    settle(tmp_path, root)

    assert on_disk(root) == planned(tree_of("demo", made))
    assert not list(root.rglob("__pycache__"))


def test_what_installers_leave_behind_is_gone(tmp_path: Path) -> None:
    """No lock, no scratch folder, no INSTALLER, REQUESTED, direct_url.json, uv_cache.json."""
    root = install(tmp_path / "task", wheel(tmp_path / "wheels", "demo"))
    before = {path.name for path in root.rglob("*")}
    settle(tmp_path, root)
    after = {path.name for path in root.rglob("*")}

    assert {"INSTALLER", "direct_url.json", ".lock"} <= before, "uv leaves them behind"
    assert not after & {"INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
    assert not after & {".lock", ".uv"}


def test_bytecode_comes_along(tmp_path: Path) -> None:
    """From the archive, in place of the wheel's own."""
    root = install(tmp_path / "task", wheel(tmp_path / "wheels", "demo"))
    entry = FileEntry(
        path="demo/__pycache__/__init__.cpython-313.pyc",
        size_bytes=3,
        owner="demo 1.0",
        content=Bytes(b"new"),
    )
    archive = tmp_path / "bytecode.tar"
    archive.write_bytes(tar_bytes(Tree.of([entry]), "/"))
    settle(tmp_path, root, archive)

    assert (root / entry.path).read_bytes() == b"new"
    assert (root / entry.path).stat().st_mode & 0o777 == 0o644
    assert int((root / entry.path).stat().st_mtime) == MTIME


def test_what_slimming_leaves_out_goes(tmp_path: Path) -> None:
    """Files, folders that are empty then, and rows of RECORD: as without Docker."""
    made = wheel(tmp_path / "wheels", "demo")
    root = install(tmp_path / "task", made)
    slim = Slim(drop=("demo/data/", "etc/", "bin/demo-run"))
    (tmp_path / "dropped.json").write_text(
        json.dumps(["demo/data/a,b.txt", "etc/x.cfg", "bin/demo-run"]), encoding="utf-8"
    )
    settle(tmp_path, root, tmp_path / "dropped.json")

    assert on_disk(root) == planned(tree_of("demo", made, slim))
    assert not (root / "demo" / "data").exists()
    assert not (root / "etc").exists()


def test_lighter_shared_objects_take_their_place(tmp_path: Path) -> None:
    """With their modes, links as links, and RECORD telling of what is there."""
    library = shared_object()
    files = {"fast/liba.so.1": library, "fast/liba.so": library, "fast/b.txt": b"b"}
    made = make_wheel(tmp_path / "wheels", "fast", "1.0", files, executable=["fast/liba.so.1"])
    root = install(tmp_path / "task", made)
    whole = tree_of("fast", made)
    (package,) = slimmed([package_of("fast", made)], SlimSettings(profile="max"))
    store = Store(tmp_path / "store")
    tree = package_tree(package, made, store)
    changed = [one for one in tree if one.link_target or one not in whole.entries]
    lighter = [one for one in changed if not one.path.endswith("/RECORD")]
    (tmp_path / "lighter.tar").write_bytes(tar_bytes(Tree(tuple(lighter)), "/"))
    settle(tmp_path, root, tmp_path / "lighter.tar")

    assert {one.path for one in lighter} == {"fast/liba.so", "fast/liba.so.1"}
    assert (root / "fast" / "liba.so").readlink() == Path("liba.so.1")
    found = on_disk(root)
    assert found.pop("fast/liba.so") == found["fast/liba.so.1"]
    expected = planned(tree)
    expected.pop("fast/liba.so")
    assert found == expected


def test_modes_and_times_do_not_depend_on_who_installed(tmp_path: Path) -> None:
    """A umask of 077 leaves the same modes; every time is the one of all layers."""
    before = os.umask(0o077)
    try:
        root = install(tmp_path / "task", wheel(tmp_path / "wheels", "demo"))
    finally:
        os.umask(before)
    settle(tmp_path, root)
    found = {path: path.stat() for path in (root, *root.rglob("*"))}

    assert {int(each.st_mtime) for each in found.values()} == {MTIME}
    assert int(tmp_path.stat().st_mtime) != MTIME, "the image's own root is in no layer"
    modes = {path: each.st_mode & 0o777 for path, each in found.items()}
    assert modes[root / "demo" / "tool.sh"] == modes[root / "demo"] == modes[root] == 0o755
    assert modes[root / "demo" / "__init__.py"] == 0o644


def test_what_earlier_steps_installed_is_not_touched(tmp_path: Path) -> None:
    """A file that a later step only looks at differently would be in two layers."""
    root = install(tmp_path / "task", wheel(tmp_path / "wheels", "first"))
    settle(tmp_path, root)
    kept = root / "first" / "__init__.py"
    kept.chmod(0o600)
    before = kept.stat()
    install(root, wheel(tmp_path / "wheels", "second"))
    settle(tmp_path, root)
    after = kept.stat()

    assert (after.st_mode, after.st_ctime_ns) == (before.st_mode, before.st_ctime_ns)
    assert (root / "second" / "__init__.py").is_file()


def test_it_runs_as_a_program_without_imagekit(tmp_path: Path, monkeypatch: Any) -> None:
    """It is mounted alone: nothing but the standard library is imported."""
    root = install(tmp_path / "task", wheel(tmp_path / "wheels", "demo"))
    argv = [sys.executable, "-I", "-S", "-B", str(program.__file__), str(tmp_path), str(root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (root / "demo-1.0.dist-info" / "INSTALLER").exists()
    monkeypatch.setattr(sys, "argv", ["settle.py", str(tmp_path), str(root)])
    runpy.run_path(str(program.__file__), run_name="__main__")
