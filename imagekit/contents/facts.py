"""What is known of a wheel without its content: the paths it fills. Remembered by its digest."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from imagekit.contents.fetch import wheel_path
from imagekit.contents.install import tree_of, wheel_tree
from imagekit.contents.wheel import LocalFile, RandomAccess, WheelMember
from imagekit.model.errors import Collision
from imagekit.model.package import Package
from imagekit.model.slim import WHOLE, Dropped
from imagekit.model.tree import FileEntry, ancestors
from imagekit.store import Store

if TYPE_CHECKING:
    from imagekit.contents.slim.lighter import Lighters

FACTS_FORMAT = 1
"""Raised when the facts of the same wheel change."""

_RECORD = "wheel"


class Fact(Struct, frozen=True):
    """One file that a wheel installs."""

    path: str
    size_bytes: int
    crc32: int
    executable: bool


class WheelFacts(Struct, frozen=True, kw_only=True):
    """Every file of a wheel that arrives under the root."""

    files: tuple[Fact, ...]
    checked: bool
    """Read from bytes whose sha256 was compared with the lock's, not by range requests."""
    dropped: tuple[Dropped, ...] = ()
    """What the wheel has, and is left out; of shared objects without symbols, what they lost."""

    @property
    def unzipped_bytes(self) -> int:
        """Sum of the files' sizes."""
        return sum(file.size_bytes for file in self.files)

    @property
    def tops(self) -> tuple[str, ...]:
        """What lies directly under the root, sorted: modules, packages, dist-info, `bin`."""
        return tuple(sorted({file.path.partition("/")[0] for file in self.files}))


def wheel_facts(package: Package, store: Store) -> WheelFacts | None:
    """The facts of a wheel that is here, or that was read before; None for any other.

    Facts that came by range requests are read again once the wheel is here. Raises BadWheel.
    """
    path = wheel_path(package, store)
    known = _read(store.record(_RECORD, package.wheel.digest.hex))
    if path is None or (known and known.checked):
        return known and _slimmed(known, package, path, store)
    return learn(package, LocalFile(path), store, checked=True)


def learn(
    package: Package, source: RandomAccess, store: Store, *, checked: bool
) -> WheelFacts | None:
    """Read the facts of a wheel, and remember them; None where they cannot be known without it.

    Raises BadWheel, and what `source` raises.
    """
    if isinstance(source, LocalFile):
        tree = wheel_tree(replace(package, slim=WHOLE), source.path)
    else:
        tree = tree_of(package, source)
    files = tuple(_fact(entry) for entry in tree)
    facts = WheelFacts(files=files, checked=checked)
    _write(package, facts, store)
    return _slimmed(facts, package, source.path if isinstance(source, LocalFile) else None, store)


def _slimmed(
    facts: WheelFacts, package: Package, path: Path | None, store: Store
) -> WheelFacts | None:
    """Without what is left out of the package; the same as its tree would say, but RECORD's CRC.

    None where shared objects are to be stripped, and the wheel to do that with is not here.
    """
    if not package.slim.key:
        return facts
    trimmed = _trimmed(facts, package)
    if package.slim.symbols is None:
        return trimmed
    found = _lighters(trimmed, package, path, store)
    return None if found is None else _lightened(trimmed, package, found)


def _lighters(
    facts: WheelFacts, package: Package, path: Path | None, store: Store
) -> Lighters | None:
    from imagekit.contents.slim.lighter import known_lighters, lighters

    known = known_lighters(package, (file.path for file in facts.files), store)
    if known is not None or path is None:
        return known
    return lighters(package, wheel_tree(replace(package, slim=WHOLE), path), store)


def _lightened(facts: WheelFacts, package: Package, found: Lighters) -> WheelFacts:
    """With the sizes that `max` gives; RECORD's digests are as long as they were."""
    from imagekit.contents.slim.lighter import Changes
    from imagekit.contents.slim.rules import COPIES, SYMBOLS
    from imagekit.contents.slim.trim import is_record

    sizes = {file.path: file.size_bytes for file in facts.files}
    changes = Changes.of(sizes, package, found)
    if not changes:
        return facts
    changed = (*changes.lighter, *changes.links)
    shorter = sum(len(str(sizes[path])) - len(str(found[path].size_bytes)) for path in changed)

    def light(file: Fact) -> Fact:
        if is_record(file.path):
            return replace(file, size_bytes=file.size_bytes - shorter)
        if file.path in changes.links:
            return Fact(file.path, 0, 0, executable=False)
        one = changes.lighter.get(file.path)
        return replace(file, size_bytes=one.size_bytes, crc32=one.crc32) if one else file

    lost = [
        Dropped(path, sizes[path] - one.size_bytes, SYMBOLS)
        for path, one in changes.lighter.items()
    ]
    lost += [Dropped(path, sizes[path], COPIES) for path in changes.links]
    files = tuple(light(file) for file in facts.files)
    return replace(facts, files=files, dropped=(*facts.dropped, *lost))


def _trimmed(facts: WheelFacts, package: Package) -> WheelFacts:
    from imagekit.contents.slim.trim import dropped_of, is_record, record_bytes

    dropped = dropped_of(((file.path, file.size_bytes) for file in facts.files), package)
    if not dropped:
        return facts
    gone, shorter = {one.path for one in dropped}, record_bytes(dropped)
    kept = (file for file in facts.files if file.path not in gone)
    files = (
        replace(file, size_bytes=file.size_bytes - shorter) if is_record(file.path) else file
        for file in kept
    )
    return replace(facts, files=tuple(files), dropped=dropped)


def collisions(facts: Mapping[str, WheelFacts]) -> tuple[Collision, ...]:
    """Paths that two owners fill differently, or that are a file to one and a folder to another.

    Equal size, CRC and mode pass for equal; `Tree.of` compares bytes when the tree is built.
    """
    first: dict[str, tuple[str, Fact]] = {}
    folders: dict[str, str] = {}
    found: list[Collision] = []
    for owner, facts_of_one in facts.items():
        for file in facts_of_one.files:
            other, theirs = first.setdefault(file.path, (owner, file))
            if theirs != file:
                found.append(Collision(file.path, (other, owner)))
            for folder in ancestors(file.path):
                folders.setdefault(folder, owner)
    both = sorted(folders.keys() & first.keys())
    found.extend(Collision(path, (first[path][0], folders[path])) for path in both)
    return tuple(found)


def _fact(entry: FileEntry) -> Fact:
    content = entry.content
    known = content.member.crc32 if isinstance(content, WheelMember) else None
    crc32 = zlib.crc32(content.read()) if known is None else known
    return Fact(entry.path, entry.size_bytes, crc32, entry.executable)


def _write(package: Package, facts: WheelFacts, store: Store) -> None:
    value = {
        "format": FACTS_FORMAT,
        "checked": facts.checked,
        "unzipped_bytes": facts.unzipped_bytes,
        "tops": facts.tops,
        "files": [
            [file.path, file.size_bytes, file.crc32, file.executable] for file in facts.files
        ],
    }
    store.put_record(_RECORD, package.wheel.digest.hex, value)


def _read(record: dict[str, object] | None) -> WheelFacts | None:
    match record:
        case {"format": int(number), "checked": bool(checked), "files": list(rows)}:
            if number == FACTS_FORMAT:
                return WheelFacts(files=tuple(Fact(*row) for row in rows), checked=checked)
    return None
