"""A ZIP as Lambda unpacks it."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from imagekit.local.unzipped import write_tar


def unpacked(folder: Path, members: list[tuple[str, bytes, int, int]]) -> list[tarfile.TarInfo]:
    """The tar of a ZIP with these members: name, data, mode, system that made it."""
    archive = folder / "made.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, data, mode, system in members:
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = system, mode << 16
            zipped.writestr(info, data)
            zipped.filelist[-1].external_attr = mode << 16  # ZipFile has its own idea of 0
    write_tar(archive, folder / "task.tar", "/var/task")
    with tarfile.open(folder / "task.tar") as tar:
        return tar.getmembers()


def test_files_keep_their_modes_folders_do_not(tmp_path: Path) -> None:
    """Lambda makes every folder usable, and leaves files as they are (rule P4)."""
    found = unpacked(
        tmp_path,
        [
            ("closed/", b"", stat.S_IFDIR | 0o700, 3),
            ("closed/app.py", b"1", stat.S_IFREG | 0o600, 3),
            ("bin/run", b"22", stat.S_IFREG | 0o755, 3),
        ],
    )

    assert [(one.name, one.mode, one.size) for one in found] == [
        ("var", 0o755, 0),
        ("var/task", 0o755, 0),
        ("var/task/closed", 0o755, 0),
        ("var/task/closed/app.py", 0o600, 1),
        ("var/task/bin", 0o755, 0),
        ("var/task/bin/run", 0o755, 2),
    ]
    assert {(one.uid, one.gid) for one in found} == {(0, 0)}


@pytest.mark.parametrize(("mode", "system"), [(0, 3), (0o600, 0)])
def test_without_modes_of_unix_everybody_reads(tmp_path: Path, mode: int, system: int) -> None:
    """A ZIP made on Windows, or without modes, has plain files."""
    found = unpacked(tmp_path, [("app.py", b"1", mode, system)])

    assert found[-1].mode == 0o644


def test_links_stay_links(tmp_path: Path) -> None:
    """Their data is their target."""
    found = unpacked(tmp_path, [("lib.so", b"lib.so.1", stat.S_IFLNK | 0o777, 3)])

    assert found[-1].issym()
    assert found[-1].linkname == "lib.so.1"
