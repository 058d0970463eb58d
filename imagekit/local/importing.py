"""What a process that imported the handler said, as values. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, Final

from imagekit.local.import_program import MARK
from imagekit.model.importing import ImportCheck, NotImported, Raised

# ld.so's own words: glibc elf/dl-load.c and elf/dl-version.c
_NO_LIBRARY: Final = re.compile(r"(?P<name>[^\s:]+): cannot open shared object file: No such file")
_NO_VERSION: Final = re.compile(r"version [`'](?P<version>GLIBC_[\d.]+)' not found")
# CPython's own: Python/ceval.c, import_from
_NO_NAME: Final = re.compile(r"cannot import name '(?P<what>\w+)' from '(?P<module>[\w.]+)'")


EXECUTE: Final = "import sys; exec(sys.argv[1])"
"""What `python -c` is given, so that a program is a word of its own."""


def program() -> str:
    """The text that `python -c` takes."""
    return files("imagekit.local").joinpath("import_program.py").read_text("utf-8")


def read(stdout: str, roots: Sequence[str]) -> int | NotImported | None:
    """Milliseconds, or why not; None where the process ended before it said anything.

    `roots` are the folders that stand for the artefact: paths are told below them.
    """
    _, mark, answer = stdout.rpartition(MARK)
    if not mark:
        return None
    match json.loads(answer.partition("\n")[0]):
        case {"milliseconds": int(milliseconds)}:
            return milliseconds
        case {"raised": list(raised), "places": list(places)}:
            told = tuple(_below(str(place), roots) for place in places)
            return explained([_raised(one) for one in raised], told, roots)
    return None


def explained(
    raised: Sequence[Raised], places: tuple[str, ...] = (), roots: Sequence[str] = ()
) -> NotImported:
    """What is missing, by the outermost exception that says so.

    A package that catches an ImportError often raises one of its own with more words (numpy,
    pandas): then the cause tells. Where none does, the outermost exception's own words.
    """
    for one in raised:
        for kind, what in _missing(one, roots):
            return NotImported(kind=kind, what=what, said=_said(one, roots), places=places)
    said = _said(raised[0], roots)
    return NotImported(kind="other", what=said, said=said, places=places)


def checked(handler: str, where: str, found: int | NotImported | None) -> ImportCheck:
    """The outcome, whoever ran it."""
    if isinstance(found, int):
        return ImportCheck(handler=handler, where=where, milliseconds=found)
    failure = found or crashed("ended before it said anything")
    return ImportCheck(handler=handler, where=where, failure=failure)


def crashed(how: str, log: str = "") -> NotImported:
    """The process did not get as far as an exception."""
    last = next(iter(log.strip().splitlines()[-1:]), "")
    said = f"the import {how}" + (f": {last}" if last else "")
    return NotImported(kind="other", what=said, said=said)


def _missing(one: Raised, roots: Sequence[str]) -> Iterator[tuple[Any, str]]:
    if one.error == "ModuleNotFoundError" and one.name:
        yield "module", one.name
    if one.filename and one.error in ("FileNotFoundError", "NotADirectoryError"):
        yield "file", _below(one.filename, roots)
    if found := _NO_LIBRARY.search(one.message):
        yield "library", PurePosixPath(found["name"]).name
    if found := _NO_VERSION.search(one.message):
        yield "glibc", found["version"].replace("_", " ")
    if found := _NO_NAME.search(one.message):
        yield "name", f"{found['module']}.{found['what']}"


def _said(one: Raised, roots: Sequence[str]) -> str:
    text = one.message.strip().partition("\n")[0]
    for root in sorted(roots, key=len, reverse=True):
        text = text.replace(f"{root}/", "")
    return f"{one.error}: {text}"


def _below(path: str, roots: Sequence[str]) -> str:
    for root in sorted(roots, key=len, reverse=True):
        if path.startswith(f"{root}/"):
            return path[len(root) + 1 :]
    return path


def _raised(value: Mapping[str, Any]) -> Raised:
    return Raised(
        error=str(value["error"]),
        message=str(value["message"]),
        name=value["name"],
        filename=value["filename"],
    )
