"""One function over the same five packages, with the lock of every tool that people have."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.e2e.many import PYTHON, write
from tests.services import lockers, needs
from tests.services.index import Index

FIVE = {
    "jmespath": "1.1.0",
    "python-dateutil": "2.9.0.post0",
    "simplejson": "4.3.0",
    "six": "1.17.0",
    "typing-extensions": "4.16.0",
}
"""Four pure ones, one of which needs another, and one that is compiled."""

_PINNED = [f"{name}=={version}" for name, version in FIVE.items()]
_LISTED = ", ".join(f'"{each}"' for each in _PINNED)
_HEAD = f'[project]\nname = "app"\nversion = "1"\nrequires-python = ">={PYTHON},<4"\n'
PROJECT = f"{_HEAD}dependencies = [{_LISTED}]\n"
_APP = "import six\n\n\ndef handler(event, context):\n    return six.__version__\n"
NOWHERE = "http://127.0.0.1:9/simple/"
"""Where nobody answers: who takes packages from here has not read the project's own settings."""


def fetch(cache: Path) -> Path:
    """A folder with the wheels of the five for the Python that runs the tests."""
    folder = cache / f"five-{PYTHON}"
    complete = folder / ".complete"
    if complete.exists() and complete.read_text(encoding="utf-8") == repr(_PINNED):
        return folder
    platforms = [f"--platform=manylinux{each}_x86_64" for each in ("_2_28", "_2_17", "2014")]
    options = [f"--python-version={PYTHON}", "--implementation=cp", "--only-binary=:all:"]
    pip = (sys.executable, "-m", "pip", "download", "--quiet")
    done = subprocess.run(
        [*pip, "--no-deps", "--dest", str(folder), *options, *platforms, *_PINNED],
        env=needs.USER_ENVIRON,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        needs.leave_out("five wheels", done.stderr.strip().splitlines()[-1])
    complete.write_text(repr(_PINNED), encoding="utf-8")
    return folder


def environ(index: Index, cache: Path) -> dict[str, str]:
    """What a user sets so that uv asks this index, and nobody else."""
    return {
        "UV_DEFAULT_INDEX": index.url,
        "UV_CACHE_DIR": str(cache),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON": sys.executable,
    }


def uv(*arguments: str, folder: Path, env: Mapping[str, str]) -> str:
    """What `uv ARGUMENTS` writes to stdout."""
    return subprocess.run(
        [sys.executable, "-m", "uv", "--quiet", *arguments],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def app(folder: Path, base: Path) -> Path:
    """The function and imagekit's configuration, without dependencies."""
    write(
        folder / "imagekit.toml",
        f'base = "{base.as_posix()}"',
        f'python = "{PYTHON}"',
        "[functions.app]",
        'handler = "app.handler"',
        'source = ["app.py"]',
    )
    (folder / "app.py").write_text(_APP, encoding="utf-8")
    return folder


def single(folder: Path, index: Index, env: Mapping[str, str]) -> None:
    """uv.lock beside pyproject.toml."""
    write(folder / "pyproject.toml", PROJECT)
    uv("lock", folder=folder, env=env)


def member(folder: Path, index: Index, env: Mapping[str, str]) -> None:
    """A member of a uv workspace; the lock lies above."""
    root = folder.parent
    write(root / "pyproject.toml", "[tool.uv.workspace]", f'members = ["{folder.name}", "other"]')
    write(folder / "pyproject.toml", PROJECT)
    other = _HEAD.replace('"app"', '"other"') + 'dependencies = ["six"]\n'
    write(root / "other" / "pyproject.toml", other)
    uv("lock", folder=root, env=env)


def poetry(folder: Path, index: Index, env: Mapping[str, str]) -> None:
    """poetry.lock, each package of it from the project's own source."""
    more = '[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = "loopback"\n'
    write(folder / "pyproject.toml", PROJECT, f'{more}url = "{index.url}"\npriority = "primary"')
    lockers.run("poetry", "lock", folder=folder)


def poetry_of_old(folder: Path, index: Index, env: Mapping[str, str]) -> None:
    """The same, declared in poetry's own tables."""
    lines = [f'{name} = "{version}"' for name, version in FIVE.items()]
    write(
        folder / "pyproject.toml",
        "[tool.poetry]",
        "package-mode = false",
        "[tool.poetry.dependencies]",
        f'python = "^{PYTHON}"',
        *lines,
        "[tool.poetry.group.dev.dependencies]",
        'six = "*"',
        "[[tool.poetry.source]]",
        f'name = "loopback"\nurl = "{index.url}"\npriority = "primary"',
    )
    lockers.run("poetry", "lock", folder=folder)


def pdm(folder: Path, index: Index, env: Mapping[str, str], *options: str) -> None:
    """pdm.lock; the project's own source takes PyPI's place."""
    more = (
        f'[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = "pypi"\nurl = "{index.url}"'
    )
    write(folder / "pyproject.toml", PROJECT, more)
    lockers.run("pdm", "lock", *options, folder=folder)


def pdm_static(folder: Path, index: Index, env: Mapping[str, str]) -> None:
    """pdm.lock with URLs and without groups."""
    pdm(folder, index, env, "--strategy", "static_urls,no_inherit_metadata")


def hashed(folder: Path, index: Index, env: Mapping[str, str]) -> None:
    """requirements.txt as `uv pip compile --generate-hashes` writes it."""
    write(folder / "in.txt", *_PINNED)
    text = uv("pip", "compile", "--generate-hashes", "in.txt", folder=folder, env=env)
    write(folder / "requirements.txt", text)


def plain(folder: Path, index: Index, env: Mapping[str, str]) -> None:
    """requirements.txt as people write it."""
    write(folder / "requirements.txt", *_PINNED)


LOCKS: dict[str, Callable[[Path, Index, Mapping[str, str]], None]] = {
    "uv": single,
    "uv-member": member,
    "poetry": poetry,
    "poetry-tables": poetry_of_old,
    "pdm": pdm,
    "pdm-static": pdm_static,
    "hashed": hashed,
    "plain": plain,
}
OWN_INDEX = ("poetry", "poetry-tables", "pdm", "pdm-static")
"""Those whose project says itself where packages come from."""


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
