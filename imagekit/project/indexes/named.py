"""All indexes that are named for one place, and which of them a URL belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
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
    for path in _files(place):
        if place.kind == "requirements":
            yield from line_indexes(_text(path), path, machine)
        for url in _carried_urls(path, *_stamp(path)):
            yield from _carried(url, path, machine)


def foreign_indexes(place: Place, machine: Machine, *, builds: bool) -> tuple[Index, ...]:
    """What the place's own tool names and uv would not see.

    Poetry's lock names the index of each package itself, so that only what builds (`builds`) is
    told of its sources. Where no tool is known, the first one that names any is it.
    """
    if place.kind == "uv" or (place.kind == "poetry" and not builds):
        return ()
    poetry = tuple(poetry_indexes(place.folders, machine))
    if place.kind == "poetry":
        return poetry
    pdm = tuple(pdm_indexes(place.folders, machine))
    if place.kind == "pdm":
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


def _files(place: Place) -> Iterable[Path]:
    if place.kind == "requirements":
        from imagekit.project.locks.requirements import read_requirements

        return read_requirements(place.path).paths
    return dict.fromkeys((place.path, *(folder / "pyproject.toml" for folder in place.folders)))


@lru_cache(maxsize=256)
def _carried_urls(path: Path, modified_ns: int, size_bytes: int) -> tuple[str, ...]:
    """Read once a run: a lock may have megabytes, and a workspace sixty functions over it."""
    return urls_with_userinfo(_text(path)) if size_bytes else ()


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _segments(url: str) -> list[str]:
    return [part for part in urlsplit(url).path.split("/") if part]


def _shared(one: list[str], other: list[str]) -> int:
    count = 0
    for here, there in zip(one, other, strict=False):
        if here != there:
            break
        count += 1
    return count
