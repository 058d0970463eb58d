"""Shared objects without symbols: measured once for each wheel, stripped when they are read.

What stripping gives is known only by doing it, so under `max` a plan needs the wheels that hold
shared objects. Their sizes are kept in the store under the wheel's digest; and for ZIPs, which take
compressed members over as they are, the compressed bytes of each under their own.
"""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from imagekit.contents.slim.libraries import copies, is_library, touching
from imagekit.contents.slim.trim import recorded
from imagekit.contents.symbols import RECIPE, stripped
from imagekit.model.digest import Digest
from imagekit.model.package import Package
from imagekit.model.tree import Bytes, Content, Data, Deflated, FileEntry, Tree
from imagekit.store import Store

_MEASURED: Final = "lighter"
_COMPRESSED: Final = "lighter-deflated"
_AT_ONCE: Final = 4
"""Files in memory at a time: some have hundreds of megabytes."""
_LEVEL: Final = 6
"""Of libdeflate, as for all members of a ZIP."""


class Lighter(Struct, frozen=True):
    """What a shared object is without its symbols."""

    size_bytes: int
    crc32: int
    sha256: str
    """As RECORD has it: urlsafe base64 without padding."""


Lighters = Mapping[str, Lighter]
"""Of every shared object of a wheel, by path; many cannot be made any lighter."""


def known_lighters(package: Package, paths: Iterable[str], store: Store) -> Lighters | None:
    """What was measured of the wheel before; None where that needs the wheel itself."""
    if not any(map(is_library, paths)):
        return {}
    match store.record(_MEASURED, _key(package)):
        case {"files": dict(rows)}:
            return {path: Lighter(*row) for path, row in rows.items()}
    return None


def lighters(package: Package, whole: Tree, store: Store) -> Lighters:
    """Measure `whole`, the package's tree, or take what was measured before. Raises BadWheel."""
    known = known_lighters(package, (entry.path for entry in whole), store)
    if known is not None:
        return known
    from concurrent.futures import ThreadPoolExecutor

    todo = [entry for entry in whole if is_library(entry.path)]
    with ThreadPoolExecutor(min(_AT_ONCE, os.cpu_count() or 1)) as pool:
        made = list(pool.map(_measured, todo))
    found = {entry.path: lighter for entry, lighter in zip(todo, made, strict=True)}
    rows = {path: [one.size_bytes, one.crc32, one.sha256] for path, one in found.items()}
    store.put_record(_MEASURED, _key(package), {"files": rows})
    return found


class Changes(Struct, frozen=True):
    """What `max` does to the shared objects that are shipped of one package."""

    lighter: Lighters
    """Those that lose symbols."""
    links: Mapping[str, str]
    """Copies of one, by path, and the path that stays."""

    @classmethod
    def of(cls, sizes: Mapping[str, int], package: Package, found: Lighters) -> Changes:
        """For files given as path and size; the same whether there are bytes to them or not."""
        may_touch = touching(package)
        mine = [path for path in sizes if path in found and may_touch(path)]
        links = copies((path, found[path].sha256) for path in mine)
        smaller = (path for path in mine if found[path].size_bytes < sizes[path])
        return cls({path: found[path] for path in smaller if path not in links}, links)

    def __bool__(self) -> bool:
        return bool(self.lighter or self.links)

    def __contains__(self, path: str) -> bool:
        return path in self.lighter or path in self.links


class Stripped(Struct, frozen=True):
    """The content of a shared object without its symbols."""

    original: Content
    lighter: Lighter
    store: Store

    def read(self) -> Data:
        """Strip it; ValueError where that gives something else than was measured."""
        data = stripped(self.original.read())
        if (len(data), zlib.crc32(data)) != (self.lighter.size_bytes, self.lighter.crc32):
            raise ValueError("stripping gives other bytes than it did when they were measured")
        return data

    def deflated(self) -> Deflated:
        """Compressed once, and kept in the store."""
        return Deflated(
            data=self._kept() or self._compressed(),
            crc32=self.lighter.crc32,
            size_bytes=self.lighter.size_bytes,
        )

    def _kept(self) -> bytes | None:
        match self.store.record(_COMPRESSED, self._name):
            case {"digest": str(digest), "size_bytes": int(size)}:
                kept = Digest(digest)
                if self.store.has_blob(kept, size):
                    return self.store.blob_path(kept).read_bytes()
        return None

    def _compressed(self) -> bytes:
        from deflate import deflate_compress

        data = bytes(deflate_compress(self.read(), _LEVEL))
        digest = self.store.put_blob(data)
        value: dict[str, object] = {"digest": digest.hex, "size_bytes": len(data)}
        self.store.put_record(_COMPRESSED, self._name, value)
        return data

    @property
    def _name(self) -> str:
        return Digest.of(f"{_LEVEL} {self.lighter.sha256}".encode()).hex


def lightened(tree: Tree, package: Package, found: Lighters, store: Store) -> Tree:
    """`tree` with shared objects as they were `found` without symbols, each of them once."""
    sizes = {entry.path: entry.size_bytes for entry in tree}
    changes = Changes.of(sizes, package, found)
    if not changes:
        return tree

    def row(said: list[str]) -> list[str]:
        if said[0] not in changes:
            return said
        return [said[0], f"sha256={found[said[0]].sha256}", str(found[said[0]].size_bytes)]

    def light(entry: FileEntry) -> FileEntry:
        if target := changes.links.get(entry.path):
            return _link(entry, target)
        if lighter := changes.lighter.get(entry.path):
            content = Stripped(entry.content, lighter, store)
            return replace(entry, content=content, size_bytes=lighter.size_bytes)
        return recorded(entry, row)

    return Tree(tuple(light(entry) for entry in tree))


def _link(entry: FileEntry, target: str) -> FileEntry:
    # In the same folder, so that the name alone finds it.
    name = target.rpartition("/")[2]
    return replace(entry, content=Bytes(b""), size_bytes=0, executable=False, link_target=name)


def _measured(entry: FileEntry) -> Lighter:
    data = stripped(entry.content.read())
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return Lighter(len(data), zlib.crc32(data), digest.decode())


def _key(package: Package) -> str:
    return Digest.of(f"{RECIPE} {package.wheel.digest.hex}".encode()).hex
