"""Finished resolutions in the store, as JSON. No URL in it has values in its query."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from imagekit.model.digest import Digest
from imagekit.model.package import Artifact, Directory, LockedPackage, Origin, Sdist, Vcs
from imagekit.net.query import masked
from imagekit.store import Store

_KIND = "resolution"


def keep(store: Store, key: Digest, packages: Iterable[LockedPackage]) -> None:
    """Keep the packages of a resolution."""
    store.put_record(_KIND, key.hex, {"packages": [_package(package) for package in packages]})


def kept(store: Store, key: Digest) -> tuple[LockedPackage, ...] | None:
    """The packages kept under `key`; None where there are none, or local files changed since."""
    record = store.record(_KIND, key.hex)
    packages = record.get("packages") if record else None
    if not isinstance(packages, list):
        return None
    try:
        return tuple(_read_package(package) for package in packages)
    except (KeyError, TypeError, ValueError):
        return None


def _package(package: LockedPackage) -> dict[str, object]:
    return {"name": package.name, "version": package.version} | _origin(package.origin)


def _origin(origin: Origin) -> dict[str, object]:
    match origin:
        case Artifact():
            return {"wheel": _artifact(origin)}
        case Sdist():
            return {"sdist": _artifact(origin.artifact), "subdirectory": origin.subdirectory}
        case Vcs():
            return {"vcs": [masked(origin.url), origin.commit, origin.subdirectory]}
        case Directory():
            return {"directory": str(origin.path)}


def _artifact(artifact: Artifact) -> list[object]:
    stamp = _stamp(artifact.url)
    url = masked(artifact.url)
    return [artifact.filename, url, artifact.digest.hex, artifact.size_bytes, stamp]


def _stamp(url: str) -> list[int] | None:
    """Size and time of a local file: uv.lock has no hashes of a find-links folder's files, so
    another file under the same name leaves the lock as it is."""
    if not url.startswith("file:"):
        return None
    try:
        found = _local(url).stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _local(url: str) -> Path:
    """Where a `file:` URL points; urllib.request would say it too, and imports an HTTP client."""
    path = unquote(urlsplit(url).path)
    return Path(path.lstrip("/") if os.name == "nt" else path)


def _read_package(package: dict[str, object]) -> LockedPackage:
    return LockedPackage(
        name=str(package["name"]), version=str(package["version"]), origin=_read_origin(package)
    )


def _read_origin(package: dict[str, object]) -> Origin:
    match package:
        case {"wheel": [*fields]}:
            return _read_artifact(fields)
        case {"sdist": [*fields], "subdirectory": str() | None as subdirectory}:
            return Sdist(artifact=_read_artifact(fields), subdirectory=subdirectory)
        case {"vcs": [str(url), str(commit), str() | None as subdirectory]}:
            return Vcs(url=url, commit=commit, subdirectory=subdirectory)
        case {"directory": str(path)}:
            return Directory(Path(path))
        case _:
            raise ValueError("not a record of this version")


def _read_artifact(fields: list[object]) -> Artifact:
    match fields:
        case [str(filename), str(url), str(sha256), int() | None as size_bytes, stamp]:
            if stamp != _stamp(url):
                raise ValueError("the file changed")
            return Artifact(
                filename=filename, url=url, digest=Digest(sha256), size_bytes=size_bytes
            )
        case _:
            raise ValueError("not a record of this version")
