"""What a loader unpacks, made of files in memory; and processes that start from it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from imagekit.bundle.loader import start
from imagekit.bundle.rest import Rest, rest_of
from imagekit.model.digest import Digest
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.store import Store

STARTER = (
    "import sys; from imagekit.bundle.loader import start; print(start.unpacked(*sys.argv[1:]))"
)


def noise(size_bytes: int, seed: int) -> bytes:
    """Bytes that do not compress, the same each time."""
    return random.Random(seed).randbytes(size_bytes)


def tree(
    files: Mapping[str, bytes], *, programs: tuple[str, ...] = (), links: Mapping[str, str] = {}
) -> Tree:
    """Files, programs among them, and links."""
    plain = [
        FileEntry(
            path=path,
            size_bytes=len(data),
            owner="test",
            content=Bytes(data),
            executable=path in programs,
        )
        for path, data in files.items()
    ]
    linked = [
        FileEntry(path=path, size_bytes=0, owner="test", content=Bytes(b""), link_target=target)
        for path, target in links.items()
    ]
    return Tree.of([*plain, *linked])


def bundle(folder: Path, content: Tree, bucket: str | None = None) -> Rest:
    """What the loader finds beside itself: the description, and the archive as a ZIP has it."""
    store = Store(folder / "store")
    names = "\n".join(f"{entry.path} {entry.size_bytes}" for entry in content)
    rest = rest_of([Digest.of(names.encode())], lambda: [content], store, bucket)
    (folder / start.DESCRIPTION).write_bytes(rest.description())
    (folder / start.ARCHIVE).write_bytes(store.blob_path(rest.digest).read_bytes())
    return rest


def starting(folder: Path, root: Path) -> subprocess.Popen[str]:
    """Another process that unpacks, and prints where to."""
    argv = [sys.executable, "-c", STARTER, str(folder), str(root)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
