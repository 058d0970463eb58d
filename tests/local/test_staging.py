"""Source files in a folder that is mounted: what, where, and with which modes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from imagekit.local.staging import lay_out, mount_points
from imagekit.model.tree import Bytes, FileEntry, Tree


def entry(path: str, data: bytes = b"", **more: object) -> FileEntry:
    return FileEntry(
        path=path,
        size_bytes=len(data),
        owner="source",
        content=Bytes(data),
        **more,  # type: ignore[arg-type]
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("source", "packages", "expected"),
    [
        (["app.py"], ["demo/__init__.py"], ("app.py",)),
        (["app/a.py", "app/b/c.py", "models/x.json"], ["demo/a.py"], ("app", "models")),
        (
            ["google/own/a.py", "google/own/b.py"],
            ["google/api/x.py"],
            ("google/own",),
        ),
        (["pkg/extra.py", "pkg/sub/a.py"], ["pkg/__init__.py"], ("pkg/extra.py", "pkg/sub")),
        (["a/b/c/d.py"], ["a/b/x.py"], ("a/b/c",)),
        ([], ["demo/a.py"], ()),
    ],
)
def test_mount_points_hide_nothing_of_a_package(
    source: list[str], packages: list[str], expected: tuple[str, ...]
) -> None:
    """As few as can be, and never a folder that a package has files in."""
    found = mount_points(source, packages)

    assert found == expected
    for path in packages:
        assert not any(path == point or path.startswith(f"{point}/") for point in found)
    for path in source:
        assert any(path == point or path.startswith(f"{point}/") for point in found)


def test_folder_holds_the_tree_and_nothing_else(tmp_path: Path) -> None:
    """What is gone from the source is gone; what became a folder is one."""
    lay_out(Tree.of([entry("app.py", b"1"), entry("a/b/c.py", b"2"), entry("x", b"3")]), tmp_path)
    lay_out(Tree.of([entry("app.py", b"22"), entry("x/y.py", b"4")]), tmp_path)

    assert files(tmp_path) == {"app.py": b"22", "x/y.py": b"4"}
    assert not (tmp_path / "a").exists()


def test_changed_file_keeps_its_inode(tmp_path: Path) -> None:
    """A mounted file is its inode: one that was replaced would never be seen inside."""
    lay_out(Tree.of([entry("app.py", b"first version"), entry("same.py", b"s")]), tmp_path)
    before = (tmp_path / "app.py").stat().st_ino
    untouched = (tmp_path / "same.py").stat().st_mtime_ns

    lay_out(Tree.of([entry("app.py", b"second"), entry("same.py", b"s")]), tmp_path)

    assert (tmp_path / "app.py").read_bytes() == b"second"
    assert (tmp_path / "app.py").stat().st_ino == before
    assert (tmp_path / "same.py").stat().st_mtime_ns == untouched


@pytest.mark.skipif(sys.platform == "win32", reason="modes and links are POSIX's")
def test_modes_and_links_are_an_images(tmp_path: Path) -> None:
    """World-readable whatever the umask: the sandbox's user owns nothing."""
    tree = Tree.of(
        [
            entry("a/run", b"#!/bin/sh\n", executable=True),
            entry("a/plain", b"1"),
            entry("a/link", link_target="plain"),
        ]
    )
    before = os.umask(0o077)
    try:
        lay_out(tree, tmp_path / "stage")
        lay_out(tree, tmp_path / "stage")
    finally:
        os.umask(before)

    modes = {name: (tmp_path / "stage" / "a" / name).lstat().st_mode for name in ("run", "plain")}
    assert {name: mode & 0o777 for name, mode in modes.items()} == {"run": 0o755, "plain": 0o644}
    assert (tmp_path / "stage" / "a").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "stage" / "a" / "link").readlink() == Path("plain")
