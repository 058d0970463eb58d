"""Where answers are to go is tried before there is one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from imagekit.model.errors import CannotBuild, UsageError
from imagekit.pipeline.deploying.handover import Handover
from imagekit.pipeline.writable import require_files, require_folder, write_file


def test_files_that_cannot_be_written_are_told_at_once(tmp_path: Path) -> None:
    """Each with its option and why; nothing was asked of the one that is left out."""
    (tmp_path / "file").touch()
    named = [
        ("--one", tmp_path / "nowhere/x"),
        ("--two", tmp_path),
        ("--three", tmp_path / "file/x"),
        ("--four", None),
        ("--five", tmp_path / "fine"),
    ]
    with pytest.raises(UsageError) as caught:
        require_files(named)

    assert caught.value.what.split("; ") == [
        f"--one {tmp_path}/nowhere/x cannot be written: there is no folder {tmp_path}/nowhere",
        f"--two {tmp_path} cannot be written: it is a folder",
        f"--three {tmp_path}/file/x cannot be written: there is no folder {tmp_path}/file",
    ]
    assert caught.value.hint == "name a file in a folder that is there"


def test_trying_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither a file, nor another content or time of one that is there; a device is not opened."""
    old = tmp_path / "old"
    old.write_text("old", encoding="utf-8")
    os.utime(old, (1, 1))
    require_files([("--new", tmp_path / "new"), ("--old", old), ("--null", Path(os.devnull))])
    require_folder("--output", tmp_path / "a/b")

    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (old.read_text(encoding="utf-8"), old.stat().st_mtime) == ("old", 1)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Opening it would hang until somebody reads: `--metadata-file >(jq .)`."""
    os.mkfifo(tmp_path / "pipe")
    require_files([("--metadata-file", tmp_path / "pipe")])

    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("below", ["file", "file/deep/er"])
def test_a_file_in_the_way_of_a_folder(tmp_path: Path, below: str) -> None:
    """It is named, wherever on the way it stands."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as caught:
        require_folder("--output", tmp_path / below)

    assert caught.value.what == (
        f"--output {tmp_path / below} cannot be written: {tmp_path}/file is a file"
    )
    assert caught.value.hint == "name a folder with `--output`"


def test_what_only_shows_at_the_end_is_the_disks(tmp_path: Path) -> None:
    """A folder that went away meanwhile: exit 1, with the option."""
    with pytest.raises(CannotBuild, match="--tfvars"):
        write_file("--tfvars", tmp_path / "gone/x", "{}")


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("metadata_file", "--metadata-file"),
        ("tfvars", "--tfvars"),
        ("GITHUB_OUTPUT", "GITHUB_OUTPUT"),
        ("GITHUB_STEP_SUMMARY", "GITHUB_STEP_SUMMARY"),
    ],
)
def test_a_release_tries_every_file_that_it_hands_over(tmp_path: Path, key: str, name: str) -> None:
    """Else images are pushed and deployed, and nobody hears which."""
    nowhere = tmp_path / "nowhere/x"
    if key.isupper():
        handover = Handover(environ={key: str(nowhere)})
    elif key == "tfvars":
        handover = Handover(environ={}, tfvars=nowhere)
    else:
        handover = Handover(environ={}, metadata_file=nowhere)
    with pytest.raises(UsageError) as caught:
        handover.require()

    assert caught.value.what.startswith(f"{name} {nowhere} cannot be written: there is no folder")
