"""Sources that an interpreter does not take: what an import of them would say.

Compiling for bytecode passes over them, as wheels bring templates and Python 2 files. In the
project's own source it is a mistake more often than not.
"""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from imagekit.model.tree import FileEntry

if TYPE_CHECKING:
    from imagekit.project.interpreter import Interpreter

_ISOLATED = ("-I", "-S", "-B", "-X", "utf8", "-W", "ignore")
_LENGTHS = struct.Struct("<II")


class Fault(Struct, frozen=True):
    """Why a source cannot be imported."""

    line: int | None
    """None where the interpreter names none."""
    what: str
    """The exception's name and words: `SyntaxError: expected ':'`."""


def faults(sources: Sequence[FileEntry], interpreter: Interpreter) -> tuple[Fault | None, ...]:
    """For each source its fault; empty where the interpreter itself fails over one of them."""
    if not sources:
        return ()
    asked = b"".join(_frame(entry) for entry in sources)
    argv = (*interpreter.argv, *_ISOLATED, "-c", _worker())
    try:
        done = subprocess.run(argv, input=asked, capture_output=True, check=False)
        said = json.loads(done.stdout)
    except (OSError, ValueError):
        return ()
    return tuple(None if one is None else Fault(one[0], str(one[1])) for one in said)


def _frame(entry: FileEntry) -> bytes:
    path, source = entry.path.encode("utf-8", "replace"), entry.content.read()
    return _LENGTHS.pack(len(path), len(source)) + path + source


@cache
def _worker() -> str:
    from importlib.resources import files

    return files("imagekit.contents").joinpath("syntax_worker.py").read_text("utf-8")
