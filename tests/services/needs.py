"""What real parts a test run found, and what it left out and why."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

USER_ENVIRON = dict(os.environ)
"""The environment of whoever started pytest, before any test cleans it."""

REQUIRED = "IMAGEKIT_REQUIRE_SERVICES"

found: dict[str, str] = {}
"""Service to what it is, for the closing summary."""
left_out: dict[str, str] = {}
"""Service to the reason why tests went without it."""


def leave_out(service: str, reason: str) -> NoReturn:
    """End this test without `service`: skipped with the reason, failed where all is required."""
    left_out[service] = reason
    if USER_ENVIRON.get(REQUIRED, "") not in ("", "0"):
        pytest.fail(f"{service} is required ({REQUIRED}): {reason}", pytrace=False)
    pytest.skip(f"{service}: {reason}")


def needs(service: str, *programs: str) -> None:
    """End this test unless every program that `service` stands on is installed."""
    if missing := [program for program in programs if shutil.which(program) is None]:
        leave_out(service, f"not installed: {', '.join(missing)}")


def have(service: str, what: str) -> None:
    """Note for the summary that `service` was found, in a few words."""
    found[service] = what


def summary() -> str:
    """One line: what was found, what was left out and why."""
    parts = [f"{service} ({what})" for service, what in sorted(found.items())]
    line = "real parts: " + (", ".join(parts) or "none asked for")
    if left_out:
        reasons = [f"{service} ({reason})" for service, reason in sorted(left_out.items())]
        line += "; left out: " + ", ".join(reasons)
    return line
