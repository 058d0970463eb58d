"""Real wheels for Python 3.13, fetched once by pip through the user's configuration."""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

RUNTIME_CLIENT = "awslambdaric==4.2.2"
_PLATFORMS = ("_2_34", "_2_31", "_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014")


class CannotFetch(Exception):
    """The package index cannot be reached; the message is what pip said last."""


def fetch(folder: Path, requirements: Path, machine: str, environ: Mapping[str, str]) -> Path:
    """Download what `requirements` locks for `machine` (x86_64, aarch64) into `folder`."""
    complete = folder / f".complete-{machine}"
    lock = requirements.read_text(encoding="utf-8")
    if not complete.exists() or complete.read_text(encoding="utf-8") != lock:
        folder.mkdir(parents=True, exist_ok=True)
        _download(folder, ["--require-hashes", "-r", str(requirements)], machine, environ)
        complete.write_text(lock, encoding="utf-8")
    return folder


def fetch_runtime_client(
    folder: Path, machine: str, environ: Mapping[str, str], client: str = RUNTIME_CLIENT
) -> Path:
    """Download `awslambdaric` and what it needs for Python 3.13 into `folder`."""
    complete = folder / f".complete-ric-{machine}"
    if not complete.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as name:
            asked = Path(name, "runtime-client.txt")
            asked.write_text(client, encoding="utf-8")
            _download(folder, ["-r", str(asked)], machine, environ)
        complete.touch()
    return folder


def fetch_named(folder: Path, names: Sequence[str], environ: Mapping[str, str]) -> Path:
    """Download the newest wheels of `names` alone, without what they need, into `folder`."""
    asked = "\n".join(names)
    complete = folder / ".complete"
    if not complete.exists() or complete.read_text(encoding="utf-8") != asked:
        folder.mkdir(parents=True, exist_ok=True)
        _download(folder, ["--no-deps", *names], "x86_64", environ)
        complete.write_text(asked, encoding="utf-8")
    return folder


def _download(folder: Path, what: list[str], machine: str, environ: Mapping[str, str]) -> None:
    platforms = [f"--platform=manylinux{each}_{machine}" for each in _PLATFORMS]
    options = ["--python-version=3.13", "--implementation=cp", "--only-binary=:all:", *platforms]
    pip = (sys.executable, "-m", "pip", "download", "--quiet")
    done = subprocess.run(
        [*pip, "--dest", str(folder), *options, *what],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env=dict(environ),
    )
    if done.returncode != 0:
        last = " ".join(done.stderr.strip().splitlines()[-2:])
        raise CannotFetch(f"pip download ended with {done.returncode}: {last}")


def unpack_runtime_client(wheels: Path, target: Path) -> Path:
    """Unpack the wheels of this machine's runtime client, as `pip install --target` lays them."""
    machine = platform.machine()
    for wheel in sorted(wheels.glob("*.whl")):
        if wheel.stem.endswith(("any", machine)):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)
    return target
