"""All indexes that are named for one place, and which of them a URL belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from imagekit.net.http import origin
from imagekit.net.userinfo import split, urls_with_userinfo
from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.pdm import pdm_indexes
from imagekit.project.indexes.pip import line_indexes, pip_indexes
from imagekit.project.indexes.poetry import poetry_indexes
from imagekit.project.indexes.uv import uv_indexes
from imagekit.project.indexes.values import Index, Login, Place

_READ_AS_TEXT = ("requirements", "pylock", "uv", "poetry", "pdm", "project")


def all_indexes(places: Iterable[Place], machine: Machine) -> tuple[Index, ...]:
    """What the places' locks and tools name, in the order in which they are believed."""
    found: dict[Index, None] = {}
    for place in places:
        found |= dict.fromkeys(lock_indexes(place, machine))
        found |= dict.fromkeys(uv_indexes(place.folders, machine))
        found |= dict.fromkeys(poetry_indexes(place.folders, machine))
        found |= dict.fromkeys(pdm_indexes(place.folders, machine))
    found |= dict.fromkeys(uv_indexes((), machine))
    found |= dict.fromkeys(pip_indexes(machine))
    return tuple(found)


def lock_indexes(place: Place, machine: Machine) -> Iterator[Index]:
    """What stands in the lock itself: lines of requirements, and any URL that carries a user."""
    if place.kind not in _READ_AS_TEXT:
        return
    for path, text in _texts(place):
        if place.kind == "requirements":
            yield from line_indexes(text, path, machine)
        for url in urls_with_userinfo(text):
            yield from _carried(url, path, machine)


def foreign_indexes(place: Place, machine: Machine, *, builds: bool) -> tuple[Index, ...]:
    """What the place's own tool names and uv would not see.

    Poetry's lock names the index of each package itself, so that only what builds (`builds`) is
    told of its sources. Where no tool is known, the first one that names any is it.
    """
    poetry = tuple(poetry_indexes(place.folders, machine))
    pdm = tuple(pdm_indexes(place.folders, machine))
    match place.kind:
        case "uv":
            return ()
        case "poetry":
            return poetry if builds else ()
        case "pdm":
            return pdm
    lines = (index for index in lock_indexes(place, machine) if index.role != "direct")
    return tuple(lines) or poetry or pdm or tuple(pip_indexes(machine))


def nearest(indexes: Iterable[Index], url: str) -> list[Index]:
    """Those of the URL's own origin, first the ones whose path it shares most of, as in pip.

    What the lock wrote into the URL of another file comes last.
    """
    there = origin(url)
    path = _segments(url)
    return sorted(
        (index for index in indexes if origin(index.url) == there),
        key=lambda index: (
            index.role == "direct" and index.url != url,
            -_shared(path, _segments(index.url)),
        ),
    )


def _carried(url: str, path: Path, machine: Machine) -> Iterator[Index]:
    try:
        plain, found = split(url)
    except ValueError:
        return
    if found is not None and "${" not in url:
        where = machine.shown(path)
        login = Login(user=found.user, password=found.password, source=f"a URL in {where}")
        yield Index(url=plain, tool="lock", where=where, role="direct", login=login)


def _texts(place: Place) -> Iterator[tuple[Path, str]]:
    if place.kind == "requirements":
        from imagekit.project.locks.requirements import read_requirements

        requirements = read_requirements(place.path)
        for path, data in zip(requirements.paths, requirements.texts, strict=True):
            yield path, data.decode("utf-8", "replace")
        return
    for path in dict.fromkeys((place.path, *(f / "pyproject.toml" for f in place.folders))):
        try:
            yield path, path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue


def _segments(url: str) -> list[str]:
    return [part for part in urlsplit(url).path.split("/") if part]


def _shared(one: list[str], other: list[str]) -> int:
    count = 0
    for here, there in zip(one, other, strict=False):
        if here != there:
            break
        count += 1
    return count
