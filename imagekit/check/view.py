"""The file system that layers make together: later ones win, whiteouts remove.

OCI image-spec, `layer.md`, "Applying Changesets".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.check.entries import Entry, plain_path

WHITEOUT: Final = ".wh."
OPAQUE: Final = ".wh..wh..opq"
AUFS: Final = ".wh..wh."
"""Names with which AUFS kept its own books; unpackers drop them."""

_MAX_LINKS: Final = 40  # what Linux allows on one path


class Node(Struct):
    """A name in the tree; `entry` is None for a folder that no layer wrote out."""

    entry: Entry | None = None
    children: dict[str, Node] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether it can hold others."""
        return self.entry is None or self.entry.kind == "folder"


class Found(Struct, frozen=True, kw_only=True):
    """Where a path leads."""

    node: Node
    path: str
    """Without links."""
    parents: tuple[Node, ...]
    """Folders on the way, the root first."""
    linked: bool
    """The last name on the path is a link."""


class View:
    """The final tree, built up layer by layer."""

    def __init__(self) -> None:
        self.root = Node()

    def add(self, entries: Iterable[Entry]) -> None:
        """Put a layer on top: first what it removes, then what it brings."""
        listed = tuple(entries)
        for entry in listed:
            self._remove(entry)
        for entry in listed:
            name = entry.path.rpartition("/")[2]
            if entry.path and not name.startswith(WHITEOUT):
                self._put(entry)

    def files(self) -> dict[str, Entry]:
        """Every entry by its path, sorted."""
        return dict(_walk(self.root, ""))

    def find(self, path: str) -> Found | None:
        """Follow a path as Linux does; None where it leads nowhere."""
        way: list[tuple[str, Node]] = []
        parts = _parts(path)
        links, linked = 0, False
        while parts:
            part = parts.pop()
            if part == "..":
                del way[-1:]
                continue
            node = (way[-1][1] if way else self.root).children.get(part)
            if node is None or links > _MAX_LINKS:
                return None
            if node.entry is None or node.entry.kind != "symlink":
                way.append((part, node))
                continue
            links, linked = links + 1, linked or not parts
            if node.entry.link.startswith("/"):
                way = []
            parts.extend(_parts(node.entry.link))
        return self._found(way, linked)

    def folders_named(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Every folder with one of these names, sorted."""
        return tuple(
            path
            for path, entry in self.files().items()
            if entry.kind == "folder" and path.rpartition("/")[2] in names
        )

    def _found(self, way: list[tuple[str, Node]], linked: bool) -> Found:
        nodes = (self.root, *(node for _, node in way))
        path = "/".join(name for name, _ in way)
        return Found(node=nodes[-1], path=path, parents=nodes[:-1], linked=linked)

    def _remove(self, entry: Entry) -> None:
        folder, _, name = entry.path.rpartition("/")
        if not name.startswith(WHITEOUT):
            return
        node = self._at(folder)
        if node is None:
            return
        if name == OPAQUE:
            node.children.clear()
        elif not name.startswith(AUFS):
            node.children.pop(name.removeprefix(WHITEOUT), None)

    def _put(self, entry: Entry) -> None:
        *folders, name = entry.path.split("/")
        node = self.root
        for folder in folders:
            node = node.children.setdefault(folder, Node())
        before = node.children.get(name)
        if entry.kind == "hardlink":
            target = self._at(plain_path(entry.link))
            if target is None or target.entry is None:
                return
            entry = replace(target.entry, path=entry.path, place=entry.place, ours=entry.ours)
        keeps = before is not None and before.is_folder and entry.kind == "folder"
        node.children[name] = Node(entry, before.children if before and keeps else {})

    def _at(self, path: str) -> Node | None:
        node: Node | None = self.root
        for part in filter(None, path.split("/")):
            node = node.children.get(part) if node else None
        return node


def _parts(path: str) -> list[str]:
    """The names of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _walk(node: Node, prefix: str) -> Iterator[tuple[str, Entry]]:
    for name in sorted(node.children):
        child = node.children[name]
        path = f"{prefix}{name}"
        if child.entry is not None:
            yield path, child.entry
        yield from _walk(child, f"{path}/")
