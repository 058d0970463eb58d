"""The files that a container sees: layers on top of each other, whiteouts applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imagekit.bases.listing import Listing, Node

_LINKS = 40  # as Linux: ELOOP after that many


class View:
    """Looks paths up as the kernel would: links in every part of a path are followed."""

    def __init__(self, layers: Iterable[Listing]) -> None:
        self._nodes: dict[str, Node] = {}
        for layer in layers:
            self._add(layer)

    def real(self, path: str) -> str | None:
        """The absolute path behind all links, or None where there is nothing."""
        waiting = _parts(path)[::-1]
        done: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                done = done[:-1]
                continue
            node = self._nodes.get("/".join([*done, part]))
            if node is None:
                return None
            if node.kind != "link":
                done.append(part)
                continue
            links += 1
            if links > _LINKS:
                return None
            if node.link.startswith("/"):
                done = []
            waiting += _parts(node.link)[::-1]
        return "/" + "/".join(done)

    def file(self, path: str) -> Node | None:
        """The regular file that a path leads to."""
        real = self.real(path)
        node = self._nodes.get(real[1:]) if real else None
        return node if node and node.kind == "file" else None

    def files(self) -> Iterator[tuple[str, Node]]:
        """Every regular file under its own absolute path, in no order."""
        return ((f"/{path}", node) for path, node in self._nodes.items() if node.kind == "file")

    def _add(self, layer: Listing) -> None:
        # OCI image-spec, layer.md: whiteouts hide what lies below, never what their own layer has;
        # a path that changes from a folder to anything else takes the folder's content with it.
        replaced = {path for path, node in layer.nodes.items() if node.kind != "folder"}
        gone = layer.removed | replaced
        if self._nodes and (gone or layer.emptied):
            self._nodes = {
                path: node
                for path, node in self._nodes.items()
                if path not in gone and not _below(path, gone, layer.emptied)
            }
        for path, node in layer.nodes.items():
            self._nodes[path] = node
            self._give_parents(path)

    def _give_parents(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        while folder and folder not in self._nodes:
            self._nodes[folder] = Node("folder")
            folder = folder.rpartition("/")[0]


def _below(path: str, gone: set[str], emptied: set[str]) -> bool:
    if "" in emptied:
        return True
    folder = path.rpartition("/")[0]
    while folder:
        if folder in gone or folder in emptied:
            return True
        folder = folder.rpartition("/")[0]
    return False


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
