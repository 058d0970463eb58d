"""A project's folder as a value, and readings of what stands in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from imagekit.project.survey.docker_function import DockerReader
from imagekit.project.survey.dockerfile import read_dockerfile
from imagekit.project.survey.folder import Folder, dockerfiles
from imagekit.project.survey.serverless import read_serverless
from imagekit.project.survey.template import read_template
from imagekit.project.survey.values import FunctionFound, Reading
from imagekit.project.survey.yaml_nodes import read_yaml


def folder(files: Mapping[str, str] | Iterable[str], name: str = "project") -> Folder:
    """A folder that holds these files."""
    texts = files if isinstance(files, Mapping) else dict.fromkeys(files, "")
    telling = {
        path: text for path, text in texts.items() if path.endswith(".py") or dockerfiles([path])
    }
    return Folder(name=name, files=frozenset(texts), texts=telling)


def docker(text: str, *files: str, context: str = "") -> Reading:
    """What a Dockerfile says in a folder with these files."""
    reader = DockerReader(
        dockerfile=read_dockerfile(text, "Dockerfile"), folder=folder(files), context=context
    )
    return reader.read("one")


def docker_function(text: str, *files: str) -> FunctionFound:
    """The function of a Dockerfile."""
    return docker(text, *files).functions[0]


def template(text: str, *files: str, dockerfile: str = "") -> Reading:
    """What a template.yaml says; `dockerfile` is the text of each Dockerfile among the files."""
    texts = {path: dockerfile if dockerfiles([path]) else "" for path in files}
    return read_template(read_yaml(text, "template.yaml"), "template.yaml", folder(texts))


def serverless(text: str, *files: str) -> Reading:
    """What a serverless.yml says."""
    return read_serverless(read_yaml(text, "serverless.yml"), "serverless.yml", folder(files))


def left(reading: Reading) -> dict[str, str]:
    """What was left behind, by its place."""
    return {one.where.partition(":")[2] or one.where: one.what for one in reading.left}
