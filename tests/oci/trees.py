"""Trees for tests, from dicts and from hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

from imagekit.model.digest import Digest
from imagekit.model.errors import PathCollisions
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.oci.image import ConfigChange, Image, NewLayer, assemble
from imagekit.oci.layer import make_layer
from imagekit.store import Store

LONG = "/".join(("part" * 20,) * 4)
"""A path of over 255 bytes."""

ODD: Mapping[str, bytes] = {
    "app.py": b"def handler(event, context): return event\n",
    "bin/tool": b"#!/usr/bin/env python3\n",
    "data/empty": b"",
    "data/Transparent Busy.ani": b"\0" * 513,
    "data/block": b"x" * 512,
    "données/ünï.txt": "größe".encode(),
    f"{LONG}/deep.py": b"deep = 1\n",
    f"{'d' * 60}/{'e' * 60}/split.py": b"split = 1\n",
    "n" * 140: b"one long name\n",
}


def entry(
    path: str, data: bytes = b"", *, executable: bool = False, link: str | None = None
) -> FileEntry:
    """A file, or a link where `link` is given."""
    return FileEntry(
        path=path,
        size_bytes=0 if link else len(data),
        owner="test 1",
        content=Bytes(data),
        executable=executable,
        link_target=link,
    )


def tree(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> Tree:
    """Files by path; what lies in a `bin` folder is executable."""
    entries = [entry(path, data, executable="bin/" in path) for path, data in files.items()]
    return Tree.of([*entries, *(entry(path, link=to) for path, to in (links or {}).items())])


def odd_tree() -> Tree:
    """Everything that once broke a writer."""
    return tree(ODD, {"data/link": "empty", "data/far": f"../{LONG}/deep.py"})


def new_layer(store: Store, content: Tree, name: str = "source") -> NewLayer:
    """A layer of `content` in the store, its fingerprint made of its name."""
    fingerprint = Digest.of(name.encode())
    record = make_layer(content, root="/var/task", fingerprint=fingerprint, store=store)
    return NewLayer(record=record, created_by=name, path=store.blob_path(record.digest))


def image(store: Store, *contents: Tree) -> Image:
    """An image without a base."""
    layers = [new_layer(store, content, f"layer {n}") for n, content in enumerate(contents)]
    change = ConfigChange(architecture="amd64", command=("app.handler",), env=(("A", "1"),))
    return assemble(None, layers, change)


def small_image(folder: Path) -> tuple[Store, Image]:
    """Two layers and the store they lie in."""
    store = Store(folder / "store")
    return store, image(store, tree({"lib.py": b"x = 1\n"}), tree({"app.py": b"import lib\n"}))


_SEGMENT = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=130
).filter(lambda segment: segment not in (".", ".."))
_PATH = st.lists(_SEGMENT, min_size=1, max_size=4).map("/".join)
_FILE = st.builds(entry, _PATH, st.binary(max_size=1100), executable=st.booleans())
_LINK = st.builds(entry, _PATH, link=_PATH)


def _fits(entries: list[FileEntry]) -> bool:
    try:
        Tree.of(entries)
    except PathCollisions:
        return False
    return True


TREES: st.SearchStrategy[Tree] = (
    st.lists(_FILE | _LINK, max_size=6, unique_by=lambda entry: entry.path)
    .filter(_fits)
    .map(Tree.of)
)
