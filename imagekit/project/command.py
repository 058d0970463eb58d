"""Runs another program: quiet, interruptible, and without secrets in what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from imagekit.model.errors import CannotBuild, CommandFailed

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"`<>|]+")
_TAIL_LINES = 30
_TIMED_OUT = 124
"""As coreutils' `timeout` says it."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    timeout_seconds: float | None = None,
) -> str:
    """What the program wrote to stdout.

    Its stdin is empty. An interrupt (Ctrl-C) kills it and goes on up. Raises CommandFailed with the
    end of its stderr, and CannotBuild where it cannot be started at all.
    """
    import subprocess  # 5 ms, and a build where nothing changed runs no program

    try:
        done = subprocess.run(
            list(argv),
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(argv, _TIMED_OUT, error.stderr or b"it took too long") from error
    except OSError as error:
        raise CannotBuild(
            what=f"`{argv[0]}` cannot be started", causes=(error.strerror or str(error),)
        ) from error
    if done.returncode:
        raise _failed(argv, done.returncode, done.stderr)
    return done.stdout.decode("utf-8", "replace")


def redact(text: str) -> str:
    """The text, each URL in it without user, password and query values that may be secrets."""
    from imagekit.net.http import redact as redact_url

    return _URL.sub(lambda match: redact_url(match[0]), text)


def _failed(argv: Sequence[str], status: int, stderr: bytes) -> CommandFailed:
    lines = redact(stderr.decode("utf-8", "replace")).strip().splitlines()
    return CommandFailed(
        argv=tuple(redact(word) for word in argv),
        status=status,
        stderr_tail="\n".join(lines[-_TAIL_LINES:]),
    )
