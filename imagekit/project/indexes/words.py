"""What is said of an index that does not let us in, and what helps, in the tool's own commands."""

from __future__ import annotations

from urllib.parse import urlsplit

from imagekit.net.http import redact
from imagekit.project.indexes.codeartifact import Domain
from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.netrc import netrc_path
from imagekit.project.indexes.uv import variables_of
from imagekit.project.indexes.values import Index


def label(index: Index | None, url: str) -> str:
    """The index for people: its name, its URL, and where it is named."""
    if index is None:
        return f"at {urlsplit(url).netloc.rpartition('@')[2]}, which no tool's configuration names"
    url = redact(index.url)
    return f"{index.name} ({url}, {index.where})" if index.name else f"{url} ({index.where})"


def looked_in(index: Index | None, url: str, machine: Machine) -> tuple[str, ...]:
    """Where credentials were looked for and not found."""
    netrc = netrc_path(machine)
    places = [f"{index.where}" if index else "", *_variables(index)]
    places.append(machine.shown(netrc) if netrc else "~/.netrc")
    if Domain.of(urlsplit(url).hostname or ""):
        places.append("AWS CodeArtifact")
    return (*(place for place in places if place), "the keyring command")


def hint(index: Index | None, url: str) -> str:
    """What to type, so that the project's own tool and imagekit are both let in."""
    host = urlsplit(url).hostname or ""
    if domain := Domain.of(host):
        return domain.command
    if index is None or index.tool == "lock" or (index.tool == "uv" and not index.name):
        return f"put a line into ~/.netrc: machine {host} login USER password TOKEN"
    match index.tool:
        case "uv":
            user, password = variables_of(index.name or "")
            return f"export {user}=USER {password}=TOKEN"
        case "poetry":
            return f"poetry config http-basic.{index.name} USER TOKEN"
        case "pdm":
            key = "pypi" if index.name == "pypi" else f"pypi.{index.name}"
            return f"pdm config {key}.username USER; pdm config {key}.password TOKEN"
    scheme, _, rest = redact(index.url).partition("://")
    variable = "PIP_INDEX_URL" if index.role == "default" else "PIP_EXTRA_INDEX_URL"
    return f"export {variable}={scheme}://USER:TOKEN@{rest}"


def _variables(index: Index | None) -> tuple[str, ...]:
    if index is None or index.name is None or index.tool not in ("uv", "poetry"):
        return ()
    if index.tool == "uv":
        return (variables_of(index.name)[1],)
    stem = variables_of(index.name)[1].removeprefix("UV_INDEX_")
    return (f"POETRY_HTTP_BASIC_{stem}",)
