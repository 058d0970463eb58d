"""poetry and pdm, the real ones, run by uv from wherever the user's uv gets packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.services import needs

# pdm's own pins: a later release of one of its libraries may break it, as hishel 2.0 did.
_FROM = {"poetry": "poetry>=2.1", "pdm": "pdm[locked]>=2.20"}
_QUIET = {
    "NO_COLOR": "1",
    "POETRY_VIRTUALENVS_CREATE": "false",
    "PDM_CHECK_UPDATE": "0",
    "PDM_USE_VENV": "0",
    "PDM_PYTHON": sys.executable,
    "PDM_IGNORE_SAVED_PYTHON": "1",
}


def run(tool: str, *arguments: str, folder: Path, env: Mapping[str, str] | None = None) -> str:
    """What `poetry ARGUMENTS` (or pdm) says in `folder`; the test ends where there is no tool."""
    have(tool)
    done = attempt(tool, *arguments, folder=folder, env=env)
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    return said


def attempt(
    tool: str, *arguments: str, folder: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The same, whatever its exit status."""
    home = folder.parent / f".{tool}"
    own = {"POETRY_CACHE_DIR": str(home), "PDM_CACHE_DIR": str(home), "PDM_LOG_DIR": str(home)}
    return subprocess.run(
        [*_command(tool), *arguments],
        cwd=folder,
        env={**needs.USER_ENVIRON, **_QUIET, **own, **(env or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def have(tool: str) -> None:
    """End the test unless `tool` can be had."""
    version, failure = _version(tool)
    if failure:
        needs.leave_out(tool, failure)
    needs.have(tool, version)


@cache
def _version(tool: str) -> tuple[str, str]:
    try:
        done = subprocess.run(
            [*_command(tool), "--version"],
            env={**needs.USER_ENVIRON, **_QUIET},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    said = (done.stderr or done.stdout).strip()
    return done.stdout.strip(), "" if done.returncode == 0 else said.splitlines()[-1]


def _command(tool: str) -> list[str]:
    uvx = [sys.executable, "-m", "uv", "tool", "run", "--quiet", "--python", sys.executable]
    return [*uvx, "--from", _FROM[tool], tool]
