"""What is unpacked to `/tmp` at start: as one archive, described part by part for the loader.

The archive is a ZIP like any other of imagekit's: deterministic, and made of the wheels' own
compressed members. Of what the standard library of every supported Python reads, deflate is by far
the fastest to unpack, and members can be unpacked side by side.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from imagekit.bundle.zip import unzipped_bytes, write_zip
from imagekit.contents.trees import Compiler
from imagekit.model.digest import Digest
from imagekit.model.packaging import ARCHIVE, DESCRIPTION, LOADER, key_of
from imagekit.model.tree import Bytes, Data, FileEntry, Tree
from imagekit.plan.build_plan import TASK_ROOT
from imagekit.plan.door import DOOR
from imagekit.store import Store

OWNER = "imagekit's loader"
_KIND = "rest"
_LOADER = Path(__file__).parent / "loader"
LOADER_FILES = ("__init__.py", "start.py", "s3.py")
"""The last one is for a bucket."""
LOADER_FORMAT = Digest.of(
    b"".join([DOOR, *((_LOADER / name).read_bytes() for name in LOADER_FILES)])
).hex
"""Another loader or another door: ZIPs are made anew."""

_ARCHIVE_FORMAT = 1
"""Raised when the archive of the same layers changes, or what is said about it."""

PART_BYTES = 4 * 1024 * 1024
"""Compressed: small enough for eight at once in memory, large enough for S3."""


class Rest(Struct, frozen=True, kw_only=True):
    """The archive, in the store."""

    digest: Digest
    size_bytes: int
    unpacked_bytes: int
    described: str
    """What the loader has to know of it, as JSON."""
    layer_bytes: tuple[int, ...] = ()
    """Unpacked, of each layer that is in it, in their order."""
    bucket: str | None = None

    def description(self) -> bytes:
        """What goes into the ZIP: what it is, and where it lies."""
        found = json.loads(self.described)
        if self.bucket:
            found |= {"bucket": self.bucket, "key": key_of(self.digest)}
        return _json(found).encode()


def rest_of(
    fingerprints: Iterable[Digest],
    trees: Callable[[], Sequence[Tree]],
    store: Store,
    bucket: str | None,
) -> Rest:
    """The archive of layers with these fingerprints, made of their `trees` unless it is there.

    CannotBuild, TooLarge, BadWheel.
    """
    recipe = [f"archive {_ARCHIVE_FORMAT}", *(one.hex for one in fingerprints)]
    key = Digest.of("\n".join(recipe).encode()).hex
    rest = known_rest(store.record(_KIND, key), store)
    if rest is None:
        rest = _made(trees(), store)
        store.put_record(_KIND, key, record_of(rest))
    return replace(rest, bucket=bucket)


def known_rest(found: dict[str, object] | None, store: Store) -> Rest | None:
    """As `record_of` wrote it, where the store still has the archive."""
    match found:
        case {
            "digest": str(digest),
            "size_bytes": int(size),
            "unpacked_bytes": int(unpacked),
            "described": str(described),
            "layer_bytes": list(layer_bytes),
            "bucket": str() | None as bucket,
        } if store.has_blob(Digest(digest), size):
            return Rest(
                digest=Digest(digest),
                size_bytes=size,
                unpacked_bytes=unpacked,
                described=described,
                layer_bytes=tuple(map(int, layer_bytes)),
                bucket=bucket,
            )
    return None


def record_of(rest: Rest) -> dict[str, object]:
    """For the store."""
    return {
        "digest": rest.digest.hex,
        "size_bytes": rest.size_bytes,
        "unpacked_bytes": rest.unpacked_bytes,
        "described": rest.described,
        "layer_bytes": list(rest.layer_bytes),
        "bucket": rest.bucket,
    }


def _made(trees: Sequence[Tree], store: Store) -> Rest:
    tree = Tree.of(entry for one in trees for entry in one)
    with store.folder() as folder:
        facts = write_zip(tree, folder / "rest.zip")
        with (folder / "rest.zip").open("rb") as file:
            parts = list(parts_of(file))
        store.adopt(folder / "rest.zip", facts.digest)
    described = {
        "digest": facts.digest.hex,
        "size_bytes": facts.size_bytes,
        "unpacked_bytes": facts.unzipped_bytes,
        "parts": parts,
        "executable": [entry.path for entry in tree if entry.executable],
        "links": {entry.path: entry.link_target for entry in tree if entry.link_target is not None},
    }
    return Rest(
        digest=facts.digest,
        size_bytes=facts.size_bytes,
        unpacked_bytes=facts.unzipped_bytes,
        described=_json(described),
        layer_bytes=tuple(sum(map(unzipped_bytes, one)) for one in trees),
    )


def loader_source(name: str) -> bytes:
    """One of the loader's files."""
    return (_LOADER / name).read_bytes()


def loader_entries(rest: Rest, store: Store, compiler: Compiler | None) -> Iterator[FileEntry]:
    """What goes into the ZIP for the rest: the loader, what it reads, and the archive itself."""
    names = LOADER_FILES if rest.bucket else LOADER_FILES[:-1]
    sources = [_file(f"{LOADER}/{name}", Bytes(loader_source(name))) for name in names]
    yield from sources
    if compiler is not None:
        yield from compiler.bytecode(Tree.of(sources), TASK_ROOT)
    yield _file(DESCRIPTION, Bytes(rest.description()))
    if rest.bucket is None:
        content = _Stored(store.blob_path(rest.digest))
        yield FileEntry(path=ARCHIVE, size_bytes=rest.size_bytes, owner=OWNER, content=content)


def parts_of(file: BinaryIO) -> Iterator[tuple[int, int, str]]:
    """Offset, length and SHA-256 of runs of whole members, about as large as each other."""
    with zipfile.ZipFile(file) as opened:
        starts = [info.header_offset for info in opened.infolist()]
        end = opened.start_dir
    for offset, length in _runs(starts, end):
        file.seek(offset)
        yield offset, length, hashlib.sha256(file.read(length)).hexdigest()


def _runs(starts: Iterable[int], end: int) -> Iterator[tuple[int, int]]:
    begin = 0
    for start in (*starts, end):
        if start - begin >= PART_BYTES:
            yield begin, start - begin
            begin = start
    if begin < end:
        yield begin, end - begin


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _file(path: str, content: Bytes) -> FileEntry:
    return FileEntry(path=path, size_bytes=len(content.data), owner=OWNER, content=content)


class _Stored(Struct, frozen=True):
    """A file of the store that is compressed already."""

    path: Path

    def read(self) -> Data:
        """All of it."""
        return self.path.read_bytes()

    def deflated(self) -> None:
        """Nothing: it goes in as it is."""
        return
