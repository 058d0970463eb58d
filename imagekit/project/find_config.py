"""Where the configuration lies: looked for from a folder upwards, as git looks for `.git`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from imagekit.model.errors import ConfigError, Problem, UsageError

PYPROJECT = "pyproject.toml"
OWN_FILE = "imagekit.toml"

_FIRST = "imagekit init writes one from what is here; or say where it is with `--project DIR`"


class Found(Struct, frozen=True, kw_only=True):
    """A configuration that parses; nothing in it is checked yet."""

    path: Path
    file: str
    """The path as seen from where the search began."""
    prefix: str
    """What stands before every key: `tool.imagekit`, or nothing."""
    values: Mapping[str, object]
    project: Mapping[str, object]
    """`[project]` of the pyproject.toml in the same folder."""


def find(start: Path) -> Found:
    """Look in `start`, then in its parents.

    Raises UsageError where `start` is no folder; ConfigError where there is nothing, where one
    folder has both forms, and where TOML does not parse.
    """
    start = Path(os.path.abspath(start))  # noqa: PTH100 - Path.absolute() keeps `..`, whose parents mislead
    if not start.is_dir():
        raise UsageError(what=f"there is no folder {start}", hint="use `--project DIR`")
    _require_text(start)
    for folder in (start, *start.parents):
        if found := in_folder(folder, start):
            return found
    where = f"{start} and the folders above it"
    raise ConfigError(
        problems=(Problem(where, f"no [tool.imagekit] in a {PYPROJECT}, and no {OWN_FILE}"),),
        hint=_FIRST,
    )


def _require_text(folder: Path) -> None:
    """Every document that names the project is UTF-8."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(folder).decode(errors="backslashreplace")
        raise UsageError(
            what=f"the folder {shown} has a name that is not UTF-8", hint="rename it"
        ) from None


def in_folder(folder: Path, start: Path) -> Found | None:
    """The configuration in this very folder; its path is told as seen from `start`.

    Raises ConfigError where the folder has both forms, and where TOML does not parse.
    """
    start = Path(os.path.abspath(start))  # noqa: PTH100 - as above
    own, shared = folder / OWN_FILE, folder / PYPROJECT
    own_text, shared_text = _read(own, start), _read(shared, start)
    # Most parents have nothing to say: without the word there is nothing to parse.
    if own_text is None and (shared_text is None or b"imagekit" not in shared_text):
        return None
    document = {} if shared_text is None else _parse(shared_text, _label(shared, start))
    here = _table(document.get("tool")).get("imagekit")
    project = _table(document.get("project"))
    if own_text is None:
        if here is None:
            return None
        return _found(shared, start, "tool.imagekit", here, project)
    if here is not None:
        names = f"{_label(own, start)}, {_label(shared, start)}: tool.imagekit"
        problem = Problem(names, "one folder holds both; only one of them may be there")
        hint = f"move the keys of [tool.imagekit] into {OWN_FILE}, or the other way round"
        raise ConfigError(problems=(problem,), hint=hint)
    return _found(own, start, "", _parse(own_text, _label(own, start)), project)


def mentions(folder: Path, word: bytes) -> bool:
    """Whether a file in which a configuration may stand holds the word, in whatever sense."""
    for name in (PYPROJECT, OWN_FILE):
        try:
            if word in (folder / name).read_bytes():
                return True
        except OSError:
            continue
    return False


def _found(
    path: Path, start: Path, prefix: str, values: object, project: Mapping[str, object]
) -> Found:
    file = _label(path, start)
    if not isinstance(values, dict):
        hint = f"write it as a table: [{prefix}]"
        raise ConfigError(problems=(Problem(f"{file}: {prefix}", "must be a table"),), hint=hint)
    return Found(path=path, file=file, prefix=prefix, values=values, project=project)


def _label(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path, start)).as_posix()


def _read(path: Path, start: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        problem = Problem(_label(path, start), f"cannot be read: {error.strerror or error}")
        raise ConfigError(problems=(problem,), hint=f"make {path} readable") from error


def _parse(data: bytes, file: str) -> dict[str, object]:
    import tomli

    try:
        return tomli.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem(f"{file}: line {line}", "is not UTF-8")
        raise ConfigError(problems=(problem,), hint=f"save {file} as UTF-8") from error
    except tomli.TOMLDecodeError as error:
        problem = Problem(f"{file}: line {error.lineno}", f"not TOML: {error.msg}")
        hint = f"correct line {error.lineno} of {file}"
        raise ConfigError(problems=(problem,), hint=hint) from error


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
