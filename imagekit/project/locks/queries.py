"""What stood in the queries of URLs, put back: `imagekit.lock` and the store keep none of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from imagekit.model.package import Directory, LockedPackage, Origin, Sdist
from imagekit.net.query import is_masked, put_back
from imagekit.project.locks.lockfile import LockFile


def whole(
    packages: tuple[LockedPackage, ...],
    lock: LockFile,
    environ: Mapping[str, str],
    pinned: str | None = None,
) -> tuple[tuple[LockedPackage, ...], bool]:
    """The packages with their whole URLs as the user wrote them, and whether all were found.

    They stand in the lock, in what it includes, in `pyproject.toml`, or in `pinned`.
    """
    if not any(is_masked(_url(one.origin)) for one in packages):
        return packages, True
    texts = (*((pinned,) if pinned else ()), *_texts(lock))
    found = tuple(
        replace(one, origin=_put_back(one.origin, one.name, texts, environ)) for one in packages
    )
    return found, not any(is_masked(_url(one.origin)) for one in found)


def _url(origin: Origin) -> str:
    match origin:
        case Sdist(artifact=artifact):
            return artifact.url
        case Directory():
            return ""
        case _:
            return origin.url


def _put_back(
    origin: Origin, name: str, texts: Iterable[str], environ: Mapping[str, str]
) -> Origin:
    if not is_masked(_url(origin)):
        return origin
    url = put_back(_url(origin), name, texts, environ) or _url(origin)
    match origin:
        case Sdist(artifact=artifact):
            return replace(origin, artifact=replace(artifact, url=url))
        case Directory():
            return origin
        case _:
            return replace(origin, url=url)


def _texts(lock: LockFile) -> Iterator[str]:
    for path in dict.fromkeys(_paths(lock)):
        try:
            yield path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue


def _paths(lock: LockFile) -> Iterator[Path]:
    if lock.kind == "requirements":
        from imagekit.project.locks.requirements import read_requirements

        requirements = read_requirements(lock.path)
        yield from requirements.paths
        yield from (folder / "pyproject.toml" for folder in requirements.folders)
    else:
        from imagekit.project.locks.inputs import sources

        yield lock.path
        yield lock.path.parent / "pyproject.toml"
        if lock.kind == "project":
            yield from (folder / "pyproject.toml" for folder in sources(lock.path))
