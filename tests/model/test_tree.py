"""Trees of files: sorted, each path once."""

from __future__ import annotations

import pytest

from imagekit.model.errors import PathCollisions
from imagekit.model.tree import Bytes, FileEntry, Tree


def entry(
    path: str, data: bytes = b"", owner: str = "a 1", *, executable: bool = False
) -> FileEntry:
    return FileEntry(
        path=path,
        size_bytes=len(data),
        owner=owner,
        content=Bytes(data),
        executable=executable,
    )


def test_the_order_found_does_not_matter() -> None:
    """Two trees with the same files are the same tree."""
    files = [entry("b/c"), entry("a"), entry("b-d")]

    assert Tree.of(files) == Tree.of(reversed(files))
    assert [file.path for file in Tree.of(files)] == ["a", "b-d", "b/c"]


def test_equal_bytes_at_one_path_are_one_file() -> None:
    """Namespace packages often ship the same `__init__.py` twice."""
    tree = Tree.of([entry("ns/__init__.py", b"x", "a 1"), entry("ns/__init__.py", b"x", "b 1")])

    assert len(tree.entries) == 1


def test_every_collision_is_named_with_both_owners() -> None:
    """All of them at once, not the first."""
    with pytest.raises(PathCollisions) as found:
        Tree.of(
            [
                entry("tests/a.py", b"1", "one 1"),
                entry("tests/a.py", b"2", "two 2"),
                entry("bin/x", b"same", "one 1", executable=True),
                entry("bin/x", b"same", "two 2"),
            ]
        )

    assert [(c.path, c.owners) for c in found.value.collisions] == [
        ("bin/x", ("one 1", "two 2")),
        ("tests/a.py", ("one 1", "two 2")),
    ]


def test_a_file_where_another_needs_a_folder_is_a_collision() -> None:
    """`six` as a file and `six/__init__.py` cannot both be there."""
    with pytest.raises(PathCollisions) as found:
        Tree.of([entry("six", b"", "one 1"), entry("six/__init__.py", b"", "two 2")])

    assert found.value.collisions[0].path == "six"


def test_folders_are_every_ancestor() -> None:
    """Lambda wants each of them explicit (T1)."""
    assert Tree.of([entry("a/b/c.py"), entry("d.py")]).folders() == ("a", "a/b")
