"""Which files describe functions, and what to do where several do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from imagekit.model.errors import UsageError
from imagekit.project.survey.docker_function import DockerReader
from imagekit.project.survey.dockerfile import read_dockerfile
from imagekit.project.survey.folder import Folder, dockerfiles, read_text
from imagekit.project.survey.frameworks import CHALICE, ZAPPA, read_chalice, read_zappa
from imagekit.project.survey.layout import plain
from imagekit.project.survey.serverless import is_serverless, read_serverless
from imagekit.project.survey.template import is_template, read_template
from imagekit.project.survey.values import Left, Reading
from imagekit.project.survey.yaml_nodes import read_yaml

# In SAM's own order, then Serverless's.
_YAMLS = (
    *("template.yaml", "template.yml", "template.json"),
    *("serverless.yml", "serverless.yaml", "serverless.json"),
)
_DOCKERFILE = "Dockerfile"


class Description(Struct, frozen=True, kw_only=True):
    """Where to look."""

    root: Path
    folder: Folder
    project: str
    """Its name, for a function that has none of its own."""


def described(around: Description) -> Reading:
    """What the file says that describes the functions; empty where none does.

    A Dockerfile counts where no template does. Raises UsageError where two files describe some.
    """
    read = [(name, _yaml(around, name)) for name in _YAMLS if around.folder.has(name)]
    telling = [(name, reading) for name, reading in read if reading.functions]
    if len(telling) > 1:
        names = " and ".join(name for name, _ in telling)
        raise UsageError(
            what=f"{names} both describe functions, and only one can be right",
            hint=f"imagekit init --from {telling[0][0]}",
        )
    if telling:
        return telling[0][1]
    if found := tuple(_docker(around)):
        return _together(found)
    if (around.root / CHALICE).is_file():
        return read_chalice(read_text(around.root, CHALICE), around.folder)
    if around.folder.has(ZAPPA):
        return read_zappa(read_text(around.root, ZAPPA))
    return _together(tuple(reading for _, reading in read))


def named(around: Description, name: str) -> Reading:
    """What one file says, named by a person relative to the project."""
    path = Path(name).as_posix().removeprefix("./")
    if not around.folder.has(path):
        raise UsageError(
            what=f"there is no file {name} in {around.root.resolve()}",
            hint="--from takes a template.yaml, a serverless.yml or a Dockerfile of the project",
        )
    if dockerfiles([path]):
        return _dockerfile(around, path)
    if path == ZAPPA:
        return read_zappa(read_text(around.root, path))
    reading = _yaml(around, path)
    if not reading.functions:
        raise UsageError(
            what=f"{name} describes no Python function",
            hint="--from takes a template.yaml, a serverless.yml or a Dockerfile of the project",
        )
    return reading


def _yaml(around: Description, path: str) -> Reading:
    node = read_yaml(read_text(around.root, path), path)
    if is_template(node):
        return read_template(node, path, around.folder)
    if is_serverless(node):
        return read_serverless(node, path, around.folder)
    return Reading()


def _docker(around: Description) -> Iterator[Reading]:
    """The Dockerfile at the top; without one, one for each folder that has its own."""
    paths = [path for path in dockerfiles(around.folder.texts) if path.count("/") < 3]
    if _DOCKERFILE in paths:
        yield _dockerfile(around, _DOCKERFILE)
        for other in paths:
            if "/" not in other and other != _DOCKERFILE:
                what = f"it was not read; {_DOCKERFILE} was"
                todo = f"imagekit init --from {other} takes that one instead"
                yield Reading(left=(Left(where=other, what=what, todo=todo),))
        return
    for path in paths:
        if path.rpartition("/")[2] == _DOCKERFILE:
            yield _dockerfile(around, path)


def _dockerfile(around: Description, path: str) -> Reading:
    """Read from the folder that its copies fit: its own, or the project's."""
    dockerfile = read_dockerfile(around.folder.texts.get(path) or "", path)
    own = path.rpartition("/")[0]
    name = plain(own.rpartition("/")[2]) if own else around.project
    readings = [
        DockerReader(dockerfile=dockerfile, folder=around.folder, context=context).read(name)
        for context in dict.fromkeys((own, ""))
    ]
    return min(readings, key=lambda reading: len(reading.left))


def _together(readings: tuple[Reading, ...]) -> Reading:
    return Reading(
        functions=tuple(one for reading in readings for one in reading.functions),
        found=tuple(one for reading in readings for one in reading.found),
        left=tuple(one for reading in readings for one in reading.left),
    )
