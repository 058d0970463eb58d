"""What an ARTEFACT names, by one rule for every command that takes one.

text ─┬─ `docker:NAME` ─────────────────────────────────────→ an image in Docker
      ├─ a path that is there ─┬─ no function's name ───────→ the path
      │                        └─ an artefact itself ───────→ the path
      ├─ a function's name, or nothing: the only function ──→ the function: its newest build
      └─ with a registry, a `/`, a tag or a digest ─────────→ an image in a registry
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from imagekit import __version__
from imagekit.model.errors import ConfigError, UsageError
from imagekit.model.reference import Reference
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig, ProjectConfig
from imagekit.project.find_config import in_folder
from imagekit.project.read_config import load, those_known

DOCKER: Final = "docker:"
SUFFIXES: Final = (".oci", ".zip", ".tar")
_ZIP_MAGIC: Final = b"PK\3\4"
_LAYOUT: Final = ("index.json", "oci-layout")


class InDocker(Struct, frozen=True):
    """An image in a Docker Engine."""

    name: str


class InRegistry(Struct, frozen=True):
    """An image in a registry; whose host a bare name is on, the command says."""

    text: str


Named = FunctionConfig | Path | InDocker | InRegistry


def named(text: str | None, functions: Sequence[FunctionConfig]) -> Named:
    """What `text` names where the project has these functions; None is its only function.

    A function's name wins over what merely has the same name, but not over an artefact. Nobody is
    asked: UsageError where it names nothing.
    """
    if text is None:
        return the_only(functions)
    if text.startswith(DOCKER):
        return InDocker(text.removeprefix(DOCKER))
    path = Path(text)
    function = next((one for one in functions if one.name == text), None)
    if _is_artefact(path) if function else _exists(path):
        return path
    if function is not None:
        return function
    if _is_bare(text) or _like_a_path(text):
        raise _nothing(text, functions)
    try:
        Reference.parse(text)
    except ValueError as error:
        raise _nothing(text, functions) from error
    return InRegistry(text)


def project_here(workshop: Workshop) -> ProjectConfig | None:
    """The project that the command runs in, None where there is none that can be read."""
    try:
        return load(workshop.folder, version=__version__, whole=True)
    except ConfigError:
        return None


def project_for(workshop: Workshop, text: str | None) -> ProjectConfig | None:
    """The same, to say what `text` names: one that cannot be read is told where `text` can be
    nothing but a function's name. ConfigError.
    """
    project = project_here(workshop)
    by_name = text is None or (_is_bare(text) and not _is_artefact(Path(text)))
    if project is None and by_name and is_configured(workshop):
        return load(workshop.folder, version=__version__, whole=True)
    return project


def is_configured(workshop: Workshop) -> bool:
    """Whether a project is here at all. ConfigError where its file does not parse."""
    start = workshop.folder.absolute()
    return any(in_folder(folder, start) for folder in (start, *start.parents))


def the_only(functions: Sequence[FunctionConfig]) -> FunctionConfig:
    """The one function that is meant where none was named; UsageError unless there is just one."""
    if len(functions) == 1:
        return functions[0]
    if not functions:
        raise UsageError(
            what="there is no project here, and no artefact was named",
            hint="name a ZIP, a layout, `docker:NAME` or a reference; or `--project DIR`",
        )
    names = ", ".join(one.name for one in functions)
    raise UsageError(
        what=f"this project has several functions: {names}", hint=f"name one: {functions[0].name}"
    )


def function_of(path: Path, functions: Sequence[FunctionConfig]) -> FunctionConfig | None:
    """The function whose build a file like `dist/NAME.oci` is, or `dist/NAME-ARCH.oci`."""
    stem = stem_of(path.name)
    by_name = {one.name.lower(): one for one in functions}
    return by_name.get(stem.lower()) or by_name.get(stem.rpartition("-")[0].lower())


def is_zip(path: Path) -> bool:
    """Whether the file is taken for a ZIP: by its name, or by how it begins."""
    with path.open("rb") as file:
        return path.suffix == ".zip" or file.read(4) == _ZIP_MAGIC


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # too long for the name of a file


def _is_artefact(path: Path) -> bool:
    """Whether it is one that a command can take, and not a module that is called the same."""
    try:
        if path.is_dir():
            return any((path / name).is_file() for name in _LAYOUT)
        return is_zip(path) or tarfile.is_tarfile(path)
    except OSError:
        return False


def _is_bare(text: str) -> bool:
    return not any(mark in text for mark in ("/", os.sep, ":", "@"))


def _like_a_path(text: str) -> bool:
    return text.startswith((".", "/", "~")) or text.lower().endswith(SUFFIXES)


def stem_of(name: str) -> str:
    """The file's name without what builds add to a function's."""
    return next((name[: -len(one)] for one in SUFFIXES if name.lower().endswith(one)), name)


def _nothing(text: str, functions: Sequence[FunctionConfig]) -> UsageError:
    from difflib import get_close_matches

    names = [one.name for one in functions]
    stem = stem_of(Path(text).name)
    near = get_close_matches(stem, names, n=1)
    hint = "a function's name, a path, `docker:NAME`, or REGISTRY/REPOSITORY:TAG"
    if near:
        built = _like_a_path(text) and near == [stem]
        hint = f"imagekit build {stem}" if built else f"name one: {near[0]}"
    what = f"{text} is no function here, no file, and no image reference"
    if _like_a_path(text):
        what = f"there is no file {text}, and no function of that name"
    known = f"; {those_known(stem, names)}" if names else ""
    return UsageError(what=f"{what}{known}", hint=hint)
