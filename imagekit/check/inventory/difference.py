"""What differs between two artefacts: packages, layers, bytes to push, files, chunks. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from imagekit.check.inventory.chunks import ChunkEstimate, estimate, flatten
from imagekit.check.inventory.claims import claims
from imagekit.check.inventory.footprint import title
from imagekit.check.inventory.parts import Inventory, Part
from imagekit.check.view import View
from imagekit.model.digest import Digest

_TASK_ROOT: Final = "var/task/"
_ROOTS: Final = {"zip": _TASK_ROOT, "unpacked": "tmp/imagekit/", "lambda-layer": "opt/"}
"""Where Lambda and the loader unpack, whatever the folder is called that the loader makes there."""
_METADATA: Final = ".dist-info/METADATA"


class Change(Struct, frozen=True, kw_only=True):
    """A package's versions or a file's sizes; None on the side that has none."""

    name: str
    before: str | None
    after: str | None


class FileChange(Struct, frozen=True, kw_only=True):
    """A file that differs; None on the side that has none. Sizes may be equal."""

    path: str
    before_bytes: int | None
    after_bytes: int | None


class LayerChange(Struct, frozen=True, kw_only=True):
    """A layer that only one side has."""

    name: str
    digest: str
    size_bytes: int | None


class Difference(Struct, frozen=True, kw_only=True):
    """From the older artefact to the newer one."""

    before: str
    after: str
    packages: tuple[Change, ...]
    layers_kept: int
    layers_added: tuple[LayerChange, ...]
    layers_removed: tuple[LayerChange, ...]
    push_bytes: int | None
    """Compressed: what the newer one has and the older one has not. None where it has no
    manifest, so that nobody knows."""
    size_bytes: int | None
    """Compressed: all of the newer one."""
    files: tuple[FileChange, ...]
    chunks: ChunkEstimate | None
    """None for ZIPs, and where the files of a layer are not known."""
    unread: tuple[str, ...]
    """Layers and archives that differ and whose files are not known, with the reason."""

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        found = (self.packages, self.layers_added, self.layers_removed, self.files)
        return not any(found) and self.push_bytes in (0, None)


def difference(before: Inventory, after: Inventory) -> Difference:
    """Both read with their content."""
    old, new = _comparable(before, after), _comparable(after, before)
    old_view, new_view = _view(old), _view(new)
    unread = tuple(f"{part.name}: {part.unread}" for part in (*old, *new) if part.unread)
    images = before.packaging == after.packaging == "image"
    return Difference(
        before=before.name,
        after=after.name,
        packages=tuple(_packages(_installed(old_view), _installed(new_view))),
        layers_kept=sum(_id(part) in _ids(before) for part in after.parts),
        layers_added=tuple(_only_in(after, before)),
        layers_removed=tuple(_only_in(before, after)),
        push_bytes=_push_bytes(before, after),
        size_bytes=after.size_bytes,
        files=tuple(_files(old_view, new_view)),
        chunks=estimate(flatten(old, old_view), flatten(new, new_view))
        if images and not unread
        else None,
        unread=unread,
    )


def _comparable(one: Inventory, other: Inventory) -> tuple[Part, ...]:
    """Its parts, without those that nobody read and both have; a ZIP's where they are unpacked.

    Nor is there an archive of a ZIP whose counterpart nobody read: nothing in it was removed.
    """
    parts = tuple(part for part in one.parts if not part.unread or _id(part) not in _ids(other))
    differing = (part for part in other.parts if part.unread and _id(part) not in _ids(one))
    unknown = {_slot(part) for part in differing if part.kind}
    known = (part for part in parts if part.unread or _slot(part) not in unknown)
    return tuple(_unpacked(part) if part.kind else part for part in known)


def _slot(part: Part) -> tuple[str | None, str]:
    """What an archive of a ZIP is to it, in every build of it."""
    return part.kind, part.name if part.kind == "lambda-layer" else ""


def _unpacked(part: Part) -> Part:
    root = _ROOTS[part.kind or "zip"]
    entries = (entry for entry in part.entries if entry.path)
    moved = (replace(entry, path=f"{root}{entry.path}") for entry in entries)
    return replace(part, entries=tuple(moved))


def _view(parts: tuple[Part, ...]) -> View:
    view = View()
    for part in parts:
        view.add(part.entries)
    return view


def _installed(view: View) -> dict[str, str]:
    """Version by name; the function's own copy before the base's."""
    found: dict[str, str] = {}
    paths = [path for path in view.files() if path.endswith(_METADATA)]
    for path in sorted(paths, key=lambda path: path.startswith(_TASK_ROOT)):
        _, owner = next(claims(posixpath.join(posixpath.dirname(path), "RECORD"), ""))
        found[owner.name] = owner.version
    return found


def _packages(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Change(name=name, before=before.get(name), after=after.get(name))


def _id(part: Part) -> Digest | None:
    return part.digest or part.diff_id


def _ids(inventory: Inventory) -> frozenset[Digest]:
    return frozenset(found for part in inventory.parts if (found := _id(part)))


def _only_in(one: Inventory, other: Inventory) -> Iterator[LayerChange]:
    there = _ids(other)
    for part in one.parts:
        found = _id(part)
        if found and found not in there:
            yield LayerChange(name=title(part), digest=str(found), size_bytes=part.size_bytes)


def _push_bytes(before: Inventory, after: Inventory) -> int | None:
    """New archives, each whole; of an image its new blobs and documents."""
    if after.size_bytes is None:
        return None
    there = {part.digest for part in before.parts if part.packed_bytes is None}
    blobs = {part.digest: part.size_bytes or 0 for part in after.parts}
    layers = sum(size for digest, size in blobs.items() if digest not in there)
    same = before.documents == after.documents
    return layers + (0 if same else sum(map(len, after.documents)))


def _files(before: View, after: View) -> Iterator[FileChange]:
    old, new = _contents(before), _contents(after)
    for path in sorted(old.keys() | new.keys()):
        was, now = old.get(path), new.get(path)
        if was != now:
            yield FileChange(
                path=path,
                before_bytes=was[0] if was else None,
                after_bytes=now[0] if now else None,
            )


def _contents(view: View) -> dict[str, tuple[int, bytes, str, int]]:
    """Of every file and link what tells it from another: size, content, target, mode."""
    return {
        path: (entry.size_bytes, entry.seen.blocks, entry.link, entry.mode)
        for path, entry in view.files().items()
        if entry.kind in ("file", "symlink")
    }
