"""What is refused before anything is fetched, and what a person may wait for."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.e2e.projects import Project, write_pylock
from tests.e2e.test_bad_input import claims, ends
from tests.e2e.test_docker import answer
from tests.e2e.test_interrupted import digest, end, held, slow, wheel
from tests.e2e.test_push import front, project, repository
from tests.e2e.test_python311 import project as project311
from tests.services.cli import succeeded
from tests.services.containers import forget
from tests.services.docker import connect
from tests.services.index import Index
from tests.services.ports import wait_until

__all__ = ["digest", "front", "held", "project", "project311", "repository", "slow"]


def test_push_without_a_repository(zipped: Project) -> None:
    """`--push` with nowhere to push is refused, also for a ZIP."""
    ends(zipped, 2, ("push",), "--push")


def test_python311_says_why(project311: Project) -> None:
    """The closing line of a build says that no wheel fits the managed runtime."""
    done = succeeded(project311.run("build"))
    assert "wheel" in done.stderr
    assert "numpy" in done.stderr or "pyarrow" in done.stderr


def test_image_over_10_gib(imaged: Project, wheels: Path) -> None:
    """Known from the wheels' directories, before anything is fetched: exit 1, who is so large."""
    for number in range(3):
        claims(wheels, f"huge{number}", 4_000_000_000)
    write_pylock(imaged.folder, wheels.glob("*.whl"))

    ends(imaged, 1, ("huge0", "10"))


def test_ctrl_c_ends_at_once_with_130(slow: Project, digest: str, held: Index) -> None:
    """SIGINT in the middle of a download: exit 130, nothing in dist, the next build is right."""
    process = slow.start("build")
    wait_until(lambda: held.downloads().get(wheel(7), 0) > 0, seconds=20, what="the download")
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    status, out, err = end(process)

    assert status == 130, err
    assert time.monotonic() - start < 3
    assert out == ""
    assert "Traceback" not in err
    assert slow.made() == []
    assert slow.build()["digest"] == digest


def test_uv_lock_for_a_python_that_is_not_on_path(zipped: Project) -> None:
    """uv is told which CPython to ask, so that it neither trips over shims nor downloads one."""
    (zipped.folder / "pylock.toml").unlink()
    (zipped.folder / "pyproject.toml").write_text(
        '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.13"\ndependencies = []\n',
        encoding="utf-8",
    )
    (zipped.folder / "uv.lock").write_text(
        'version = 1\nrevision = 3\nrequires-python = ">=3.13"\n\n'
        '[[package]]\nname = "app"\nversion = "1"\nsource = { virtual = "." }\n',
        encoding="utf-8",
    )
    succeeded(zipped.run("plan"))


def test_docker_archive_is_complete(imaged: Project, docker_engine: str) -> None:
    """`--format docker-archive` is one file that `docker load` takes anywhere."""
    made = imaged.build("--format", "docker-archive")
    path = Path(imaged.folder, made["path"])
    assert path.name == "app.tar"
    succeeded(imaged.run("check", path))
    client: Any = connect(docker_engine)
    try:
        with path.open("rb") as file:
            image = str(client.images.load(file)[0].id)
    finally:
        client.close()

    assert answer(docker_engine, image) == {"answer": 42, "event": {"n": 1}}
    forget(docker_engine, image)
