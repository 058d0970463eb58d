"""Imports a handler with an interpreter of this machine, from a folder that holds the artefact."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from imagekit.local.importing import EXECUTE, checked, crashed, program, read
from imagekit.local.variables import account_variables, managed_variables, variables_of
from imagekit.model.errors import CommandFailed
from imagekit.model.importing import ImportCheck
from imagekit.model.invocation import DEFAULT_LIMITS
from imagekit.project.command import run
from imagekit.project.interpreter import Interpreter

_ISOLATED: Final = ("-I", "-S", "-B")
"""Nothing of this machine's is on the path but the standard library."""
_PATIENCE_SECONDS: Final = 120
_MACHINES: Final = {"x86_64": ("x86_64", "amd64"), "arm64": ("aarch64", "arm64")}


class Handler(Struct, frozen=True, kw_only=True):
    """What is imported, and what it finds around it."""

    function: str
    name: str
    """`MODULE.FUNCTION`."""
    roots: Sequence[Path]
    """Folders that come first on the path, the function's own first."""
    variables: Mapping[str, str]


def foreign(architecture: str) -> str | None:
    """Why what is made for an architecture of Lambda's cannot run here; None where it can."""
    system, machine = platform.system(), platform.machine().lower()
    if system == "Linux" and machine in _MACHINES.get(architecture, ()):
        return None
    return f"it is for Linux on {architecture}, and this is {system} on {machine}"


def import_here(handler: Handler, interpreter: Interpreter, scratch: Path) -> ImportCheck:
    """Import it in a process of its own; `scratch` is where it may write, as if that were /tmp."""
    roots = [str(root) for root in handler.roots]
    words = (EXECUTE, program(), handler.name, ":".join(roots))
    argv = (*interpreter.argv, *_ISOLATED, "-c", *words)
    environ = _environ(handler, scratch)
    where = f"Python {interpreter.version} of this machine"
    try:
        found = read(
            run(argv, cwd=handler.roots[0], environ=environ, timeout_seconds=_PATIENCE_SECONDS),
            roots,
        )
    except CommandFailed as error:
        found = crashed(f"ended with status {error.status}", error.stderr_tail)
    return checked(handler.name, where, found)


def _environ(handler: Handler, scratch: Path) -> dict[str, str]:
    own = variables_of(handler.function, DEFAULT_LIMITS, "us-east-1", handler.name)
    task = str(handler.roots[0])
    libraries = managed_variables("")["LD_LIBRARY_PATH"].split(":")
    return {
        **account_variables({}),
        **handler.variables,
        **own,
        "LAMBDA_TASK_ROOT": task,
        "LD_LIBRARY_PATH": ":".join(
            one.replace("/var/task", task) for one in libraries if one.startswith("/var/task")
        ),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
