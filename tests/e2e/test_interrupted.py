"""Killed, interrupted, or not alone: the store stays usable and the result the same."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.projects import Project, write_pylock
from tests.services.index import Fault, Index
from tests.services.ports import wait_until
from tests.services.wheels import make_wheel


@pytest.fixture
def slow(imaged: Project, wheels: Path, index: Index) -> Project:
    """An image of ten packages with bytecode, one of which takes its time to come."""
    for number in range(10):
        body = b"".join(b"x%d = %d\n" % (each, each * number) for each in range(3000))
        make_wheel(wheels, f"part{number}", "1.0", {f"part{number}/__init__.py": body})
    write_pylock(imaged.folder, wheels.glob("*.whl"), index)
    imaged.replace("bytecode = false", "bytecode = true")
    assert imaged.run("lock").returncode == 0
    return imaged


@pytest.fixture
def digest(slow: Project, tmp_path: Path) -> str:
    """What an undisturbed build makes, from a store of its own."""
    made = slow.build(
        "--output", tmp_path / "calm", env={"IMAGEKIT_CACHE_DIR": str(tmp_path / "calm-store")}
    )
    return str(made["digest"])


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for it, bounded."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def held(index: Index) -> Iterator[Index]:
    """The download of one wheel hangs for a while, whoever asks."""
    index.forget()
    index.fault(Fault(path=r"/files/part7-", delay_seconds=8))
    yield index


def wheel(number: int) -> str:
    return f"part{number}-1.0-py3-none-any.whl"


@pytest.mark.parametrize("seconds", [0.15, 0.4, 0.7, 1.0, 1.4, 2.0])
def test_kill_9_leaves_a_usable_store(
    slow: Project, digest: str, tmp_path: Path, seconds: float
) -> None:
    """SIGKILL at some moment, then a build in the same store and folder: the same digest."""
    process = slow.start("build")
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    end(process)

    assert slow.build()["digest"] == digest


def test_kill_9_in_the_middle_of_a_download(slow: Project, digest: str, held: Index) -> None:
    """A wheel that was half there is fetched again; wheels that were whole are not."""
    process = slow.start("build")
    wait_until(lambda: held.downloads().get(wheel(7), 0) > 0, seconds=20, what="the download")
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    end(process)

    assert slow.made() == []
    assert slow.build()["digest"] == digest
    assert held.downloads()[wheel(0)] == 1
    assert held.downloads()[wheel(7)] == 2


def test_two_builds_at_once_share_a_store(slow: Project, digest: str, tmp_path: Path) -> None:
    """Both succeed with the same digest, and so does one after them."""
    both = [slow.start("build", "--output", str(tmp_path / f"out{n}"), "--json") for n in (1, 2)]
    ends = [end(process) for process in both]

    assert [status for status, _, _ in ends] == [0, 0], ends
    assert all(digest in out for _, out, _ in ends)
    assert slow.build()["digest"] == digest


def test_two_builds_at_once_into_one_folder(slow: Project, digest: str) -> None:
    """Both write the same layout; what is there afterwards is whole."""
    ends = [end(process) for process in [slow.start("build") for _ in range(2)]]

    assert [status for status, _, _ in ends] == [0, 0], ends
    assert slow.made() == ["app.oci"]
    assert slow.run("check", "dist/app.oci").returncode == 0
