"""Whose a file is: what the RECORD of an installed package claims (PyPA, "Recording installed
projects").
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

MAX_RECORD_BYTES: Final = 16 * 1024 * 1024
"""Larger ones are not read."""

_RECORD: Final = re.compile(r"(?:^|/)[^/]+-[^/-]+\.dist-info/RECORD$")
_DIST_INFO: Final = re.compile(r"^((?:.*/)?[^/]+\.dist-info)/")
_CACHED: Final = re.compile(r"(^|.*/)__pycache__/([^/.]+)\.[^/]*\.pyc$")
_SEPARATORS: Final = re.compile(r"[-_.]+")


class Owner(Struct, frozen=True, order=True):
    """An installed package."""

    name: str
    """Normalised (PEP 503)."""
    version: str


def is_record(path: str) -> bool:
    """Whether a package's list of files lies there."""
    return _RECORD.search(path) is not None


def claims(path: str, text: str) -> Iterator[tuple[str, Owner]]:
    """Every path that the RECORD at `path` claims, and the folder in which it lies itself."""
    folder = posixpath.dirname(path)
    root, stem = posixpath.split(folder)
    name, _, version = stem.removesuffix(".dist-info").rpartition("-")
    owner = Owner(_SEPARATORS.sub("-", name).lower(), version)
    yield folder, owner
    try:
        for row in csv.reader(text.splitlines()):
            if row and row[0]:
                yield posixpath.normpath(posixpath.join(root, row[0])).lstrip("/"), owner
    except csv.Error:
        return  # what was read until here still holds


def owner_of(path: str, claimed: Mapping[str, Owner]) -> Owner | None:
    """Who claims the file: by name, as bytecode of what is claimed, or as part of the metadata."""
    if found := claimed.get(path):
        return found
    if (cached := _CACHED.match(path)) and (found := claimed.get(f"{cached[1]}{cached[2]}.py")):
        return found
    if path.endswith(".pyc") and (found := claimed.get(path[:-1])):
        return found
    metadata = _DIST_INFO.match(path)
    return claimed.get(metadata[1]) if metadata else None
