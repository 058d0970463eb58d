"""Which shared objects the profile `max` may touch, and which of them are the same one again.

Wheels cannot hold links, so a library that is installed as `libx.so`, `libx.so.2` and `libx.so.2.1`
lies in them three times (pyarrow). Only names of one library in one folder are put together: the
loader knows an object by its inode, `$ORIGIN` is the same, and no package depends on another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from typing import Final

from imagekit.contents.slim.rules import untouched
from imagekit.model.package import Package

_NAME: Final = re.compile(r"(?P<stem>.+)\.so(?P<version>(?:\.\w+)*)")
# OpenSSL's FIPS provider compares its own file with a checksum: fips_module(7).
_FINGERPRINTED: Final = re.compile(r"(?:.*/)?fips[^/]*\.so")


def is_library(path: str) -> bool:
    """Whether a name is that of a shared object: `libx.so`, `libx.so.1.1.1k`, `_x.abi3.so`."""
    # Asked of every file: nearly none of them needs the expression.
    return ".so" in path and _NAME.fullmatch(path) is not None


def touching(package: Package) -> Callable[[str], bool]:
    """Of a path: whether something may be done to the file, as far as its name tells."""
    if package.slim.symbols is None:
        return lambda path: False
    stays = untouched(package.name, package.slim)
    return lambda path: is_library(path) and not _FINGERPRINTED.fullmatch(path) and not stays(path)


def copies(files: Iterable[tuple[str, Hashable]]) -> dict[str, str]:
    """Which of `files`, given as path and content, become links, and to which path beside them.

    The name that programs are linked with (`libx.so.2`) stays a file: then all works even where
    somebody unpacks links as text.
    """
    alike: dict[tuple[str, Hashable], list[str]] = {}
    for path, content in files:
        if found := _NAME.fullmatch(path):
            alike.setdefault((found["stem"], content), []).append(path)
    links: dict[str, str] = {}
    for paths in alike.values():
        stays = min(paths, key=_rank)
        links |= {path: stays for path in paths if path != stays}
    return links


def _rank(path: str) -> tuple[bool, int, str]:
    return path.rpartition(".so")[2].count(".") != 1, len(path), path
