"""Package locks: which one a function has, and what it says for one target."""

from __future__ import annotations

from imagekit.project.locks.ahead import export_ahead
from imagekit.project.locks.inputs import inputs_of
from imagekit.project.locks.lockfile import LockFile, find, passed_over
from imagekit.project.locks.resolve import Resolution, resolve

__all__ = [
    "LockFile",
    "Resolution",
    "export_ahead",
    "find",
    "inputs_of",
    "passed_over",
    "resolve",
]
