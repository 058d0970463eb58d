"""The bytecode of packages in ZIPs: compiled and compressed once, kept in the store as a ZIP.

A ZIP takes compressed members over as they are, so that the next one with the same packages, of
this function or of another, costs reading them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from imagekit.bundle.zip import write_zip
from imagekit.contents.directory import directory
from imagekit.contents.trees import Compiler
from imagekit.contents.wheel import LocalFile, WheelMember
from imagekit.model.digest import Digest
from imagekit.model.tree import FileEntry, Tree
from imagekit.plan.build_plan import LayerPlan
from imagekit.store import Store

_KIND = "bytecode"
_FOLDER = "__pycache__/"


def bytecode_of(
    layer: LayerPlan, plain: Tree, compiler: Compiler, store: Store
) -> Sequence[FileEntry]:
    """The `.pyc` of a layer's files, `plain`. Those of the source change too often to be kept."""
    if layer.files is not None:
        return compiler.bytecode(plain, layer.root)
    path = _known(layer, store) or _make(layer, plain, compiler, store)
    return tuple(_entries(path, plain)) if path else ()


def _known(layer: LayerPlan, store: Store) -> Path | None:
    match store.record(_KIND, layer.fingerprint.hex):
        case {"digest": str(digest), "size_bytes": int(size)}:
            found = Digest(digest)
            return store.blob_path(found) if store.has_blob(found, size) else None
    return None


def _make(layer: LayerPlan, plain: Tree, compiler: Compiler, store: Store) -> Path | None:
    made = Tree.of(compiler.bytecode(plain, layer.root))
    if not made.entries:
        return None
    with store.folder() as folder:
        facts = write_zip(made, folder / "bytecode.zip")
        store.adopt(folder / "bytecode.zip", facts.digest)
    value: dict[str, object] = {"digest": facts.digest.hex, "size_bytes": facts.size_bytes}
    store.put_record(_KIND, layer.fingerprint.hex, value)
    return store.blob_path(facts.digest)


def _entries(path: Path, plain: Tree) -> Iterator[FileEntry]:
    owners = {entry.path: entry.owner for entry in plain}
    source = LocalFile(path)
    for member in directory(source, path.name):
        yield FileEntry(
            path=member.path,
            size_bytes=member.size_bytes,
            owner=owners[source_of(member.path)],
            content=WheelMember(path.name, source, member),
        )


def source_of(pyc: str) -> str:
    """`a/b.py` of `a/__pycache__/b.cpython-313.pyc`."""
    folder, _, name = pyc.rpartition(_FOLDER)
    return f"{folder}{name.rsplit('.', 2)[0]}.py"
