"""What Windows and macOS would trip over, as far as it shows on any system."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.e2e.projects import Project
from tests.services.cli import COMMAND, succeeded

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.I)
LONG = 100
"""Windows allows 260 characters for a whole path, and a user's cache folder takes its share."""


def below(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*")]


def test_every_name_on_disk_is_one_that_windows_takes(
    project: Project, clean_environ: Path
) -> None:
    """In the store as in `dist`: no colon of a digest or a tag, and nothing too long."""
    project.build()
    made = [*below(clean_environ), *below(project.folder / "dist")]

    assert len(made) > 5
    assert [path for path in made for part in path.parts if FORBIDDEN.search(part)] == []
    assert [path for path in made if len(str(path)) > LONG] == []


def test_names_differ_in_more_than_case(project: Project, clean_environ: Path) -> None:
    """macOS and Windows would take two of them for one file."""
    project.build()
    names = [str(path).lower() for path in below(clean_environ)]

    assert len(names) == len(set(names))


def test_text_files_have_one_end_of_line(project: Project) -> None:
    """What imagekit writes for people to keep is the same on each system, byte for byte."""
    metadata = project.folder / "metadata.json"
    succeeded(project.run("build", "--metadata-file", metadata))
    succeeded(project.run("lock"))

    for path in (metadata, project.folder / "imagekit.lock"):
        if path.exists():
            assert b"\r" not in path.read_bytes()


def test_a_console_of_few_characters_ends_no_command(tmp_path: Path) -> None:
    """A pipe on Windows is cp1252: what it cannot write becomes `?`."""
    env = {
        "IMAGEKIT_CACHE_DIR": str(tmp_path / "für Łódź"),
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
    }
    done = subprocess.run(
        [*COMMAND, "cache", "dir"], env={**os.environ, **env}, capture_output=True, check=True
    )

    assert done.stdout.decode("cp1252").strip().endswith(f"{os.sep}für ?ód?")
