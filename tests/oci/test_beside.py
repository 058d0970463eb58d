"""Files and folders that appear whole, and leave nothing behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from imagekit.oci.beside import file_beside, folder_beside

YESTERDAY = time.time() - 25 * 3600


def aged(path: Path, when: float = YESTERDAY) -> Path:
    os.utime(path, (when, when))
    return path


def test_target_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """While it is written there is no target; an error leaves the old one and nothing else."""
    target = tmp_path / "app.zip"
    target.write_bytes(b"old")
    with pytest.raises(ValueError), file_beside(target) as beside:
        beside.write_bytes(b"half")
        assert target.read_bytes() == b"old"
        raise ValueError

    assert [path.name for path in tmp_path.iterdir()] == ["app.zip"]
    with file_beside(target) as beside:
        beside.write_bytes(b"new")
    assert target.read_bytes() == b"new"


def test_folder_takes_the_place_of_a_full_one(tmp_path: Path) -> None:
    """The old folder's files are gone, and nothing is left beside."""
    target = tmp_path / "app.oci"
    target.mkdir()
    (target / "old").touch()
    with folder_beside(target) as beside:
        (beside / "new").touch()

    assert [path.name for path in tmp_path.iterdir()] == ["app.oci"]
    assert [path.name for path in target.iterdir()] == ["new"]


def test_leftovers_of_killed_builds_go_after_a_day(tmp_path: Path) -> None:
    """What a killed build left is removed; what is young, or another's, is kept."""
    file = tmp_path / ".app.zip.01234567"
    file.touch()
    folder = tmp_path / ".app.zip.89abcdef"
    folder.mkdir()
    (folder / "inside").touch()
    young, other = tmp_path / ".app.zip.00000000", tmp_path / ".app.zip.notes"
    young.touch()
    other.touch()
    for path in (file, folder, other):
        aged(path)
    with file_beside(tmp_path / "app.zip") as beside:
        beside.touch()

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".app.zip.00000000",
        ".app.zip.notes",
        "app.zip",
    ]
