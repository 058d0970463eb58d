"""`imagekit init`: what a project says of itself becomes its first configuration.

survey of the folder ─→ commented configuration ─→ pyproject.toml, or imagekit.toml beside it
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from imagekit.console import Console
from imagekit.model.errors import CannotBuild, ConfigError, Problem, UsageError
from imagekit.oci.beside import file_beside
from imagekit.project.find_config import OWN_FILE, PYPROJECT, find, in_folder
from imagekit.project.survey.survey import survey
from imagekit.report.starter import configuration
from imagekit.report.survey import closing_line, document, lines

_TABLE = "tool.imagekit"


def start(console: Console, folder: Path, source: str | None, *, json: bool) -> None:
    """Write the configuration and answer with its path; nothing is ever overwritten.

    `source` names the only file to take functions from. Raises UsageError where a configuration is
    there already or there is nothing to package, ConfigError where a file does not parse.
    """
    _require_none(folder)
    found = survey(folder, source)
    shared = (folder / PYPROJECT).exists()
    path = folder / (PYPROJECT if shared else OWN_FILE)
    text = configuration(found, _TABLE if shared else "")
    _write(path, _appended(path, text) if shared else text.encode())
    for line in lines(found):
        console.say(line)
    _say_above(console, folder)
    console.answer(document(found, path.as_posix()) if json else str(path))
    console.say(closing_line(found, str(path)))


def _require_none(folder: Path) -> None:
    there = in_folder(folder, folder) if folder.is_dir() else None
    if there is not None:
        raise UsageError(
            what=f"{there.file} holds a configuration already, and init overwrites nothing",
            hint=f"imagekit plan shows what it makes; to start anew, take it out of {there.file}",
        )


def _say_above(console: Console, folder: Path) -> None:
    """A configuration further up was meant for this folder, too, until now."""
    parent = folder.resolve().parent
    with suppress(ConfigError, UsageError):
        above = find(parent)
        console.say(f"note: {above.path} has a configuration, too; in this folder the new one wins")


def _appended(path: Path, text: str) -> bytes:
    """The old bytes, then the new table with the line ends of the file."""
    import tomli

    old = path.read_bytes()
    ends = "\r\n" if b"\r\n" in old else "\n"
    between = ("" if old.endswith(b"\n") or not old else ends) + (ends if old else "")
    new = old + (between + text.replace("\n", ends)).encode()
    try:
        tomli.loads(new.decode())
    except tomli.TOMLDecodeError as error:
        problem = Problem(f"{path.name}: tool", "is an inline table, to which nothing can be added")
        hint = f"write it as [tool.NAME] tables in {path.name}"
        raise ConfigError(problems=(problem,), hint=hint) from error
    return new


def _write(path: Path, content: bytes) -> None:
    # A link stays one: what it points to is the file.
    target = path.resolve()
    try:
        with file_beside(target) as beside:
            beside.write_bytes(content)
            with suppress(OSError):
                shutil.copymode(target, beside)
    except CannotBuild as error:
        hint = f"make {target.parent} writable"
        raise CannotBuild(what=error.what, causes=error.causes, hint=hint) from error
