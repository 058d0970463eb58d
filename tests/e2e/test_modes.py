"""What the user's umask or a careless wheel closes is open in the artefact (complaint of many:
"Permission denied" in /var/task)."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.many import PYTHON, layout_base
from tests.e2e.projects import Project, blob, read_manifest, write_project, write_pylock
from tests.services.wheels import make_wheel

FILE, PROGRAM = 0o644, 0o755


@pytest.fixture
def closed(tmp_path: Path) -> Project:
    """Source and wheel that their owner alone may read, one program in each."""
    wheel = make_wheel(
        tmp_path / "wheels",
        "demo",
        "1.0",
        {"demo/__init__.py": b"ANSWER = 42\n", "demo/tool": b"#!/bin/sh\n"},
    )
    shut(wheel)
    folder = write_project(
        tmp_path / "project",
        keys={"python": PYTHON, "base": layout_base(tmp_path / "base").as_posix()},
        function={"source": ["pkg"], "handler": "pkg.app.handler"},
        files={
            "pkg/__init__.py": "",
            "pkg/app.py": "def handler(event, context): ...\n",
            "pkg/run": "#!/bin/sh\n",
        },
    )
    for path in (folder / "pkg").iterdir():
        path.chmod(0o600)
    (folder / "pkg").chmod(0o700)
    write_pylock(folder, [wheel])
    return Project(folder=folder)


def shut(wheel: Path) -> None:
    """Take every right from everybody but the owner; nothing else changes."""
    with zipfile.ZipFile(wheel) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(wheel, "w") as archive:
        for info, data in members:
            mode = 0o700 if info.filename.endswith("/tool") else 0o600
            info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, data)


def zipped(path: Path) -> Iterator[tuple[str, int]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            yield info.filename, stat.S_IMODE(info.external_attr >> 16)


def layered(layout: Path) -> Iterator[tuple[str, int, bool]]:
    for layer in read_manifest(layout)["layers"][1:]:
        with tarfile.open(blob(layout, layer["digest"])) as tar:
            for info in tar:
                yield info.name, info.mode, info.isdir()


def test_everybody_may_read(closed: Project) -> None:
    """Files 0644, programs and folders 0755, in a ZIP and in each layer, under any umask."""
    shut = ("sh", "-c", 'umask 077 && exec "$@"', "sh")
    done = closed.run("build", "--packaging", "zip", prefix=shut)
    assert done.returncode == 0, done.stderr
    done = closed.run("build", "--packaging", "image", prefix=shut)
    assert done.returncode == 0, done.stderr

    dist = closed.folder / "dist"
    in_zip = dict(zipped(dist / "app.zip"))
    in_image = {name: mode for name, mode, folder in layered(dist / "app.oci") if not folder}
    folders = {mode for _, mode, folder in layered(dist / "app.oci") if folder}
    for modes, root in ((in_zip, ""), (in_image, "var/task/")):
        assert modes[f"{root}pkg/run"] == modes[f"{root}demo/tool"] == PROGRAM
        others = {mode for name, mode in modes.items() if not name.endswith(("/run", "/tool"))}
        assert others == {FILE}, modes
    assert folders == {PROGRAM}
