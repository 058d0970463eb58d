"""A tree as a layer: tar, diff_id, gzip, a blob and a record in the store (decisions 2 and 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from imagekit.model.digest import Digest
from imagekit.model.image import LayerRecord
from imagekit.model.tree import Tree
from imagekit.oci.tar import tar_bytes
from imagekit.oci.values import digest_at, number_at, optional_text_at
from imagekit.store import Store

KIND: Final = "layer"
"""Under which the store keeps the records."""

_LEVEL: Final = 1
_LARGE_BYTES: Final = 32 << 20

# RFC 1952: magic, deflate, no flags (so no name), no time, "fastest", operating system unknown.
GZIP_HEADER: Final = bytes.fromhex("1f8b08000000000004ff")


class Passed(Struct, frozen=True, kw_only=True):
    """What was learned of a layer's files when they were looked at."""

    glibc: str | None = None
    """The newest glibc that one of them asks for, such as `2.28`."""
    checks: int = 0
    """The version of the rules that they passed; 0 where none were run."""


def make_layer(
    tree: Tree,
    *,
    root: str,
    fingerprint: Digest,
    store: Store,
    judge: Callable[[], Passed] = Passed,
    made: Callable[[Digest, bytearray], None] = lambda digest, blob: None,
) -> LayerRecord:
    """Put the layer that holds `tree` under `root` into the store, with its record.

    `judge` is asked once every file was read and before anything is compressed or kept; what it
    raises is raised here. `made` gets the blob before it is written: it may be sent meanwhile.

    Thread-safe; hashing and compressing release the interpreter lock. Takes up to twice the
    tree's size in memory: hold a Budget. Raises CannotBuild.
    """
    tar = tar_bytes(tree, root)
    passed = judge()
    blob = gzip(tar)
    digest = Digest.of(blob)
    made(digest, blob)
    diff_id = _hashed_and_kept(tar, blob, digest, store)
    record = LayerRecord(
        fingerprint=fingerprint,
        diff_id=diff_id,
        digest=digest,
        size_bytes=len(blob),
        unzipped_bytes=tree.size_bytes,
        tar_bytes=len(tar),
        files=len(tree.entries),
        glibc=passed.glibc,
        checks=passed.checks,
    )
    keep_record(store, record)
    return record


def _hashed_and_kept(tar: bytearray, blob: bytearray, digest: Digest, store: Store) -> Digest:
    """The diff_id; the blob is in the store then."""
    if len(tar) < _LARGE_BYTES:
        store.put_blob(blob, digest)
        return Digest.of(tar)
    # The largest layer is what a build waits for last, when a core has nothing else to do; hashing
    # and writing release the interpreter lock.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as beside:
        diff_id = beside.submit(Digest.of, tar)
        store.put_blob(blob, digest)
        return diff_id.result()


def gzip(data: bytes | bytearray) -> bytearray:
    """One gzip member, the same bytes on every machine (decision 2)."""
    import deflate

    blob: bytearray = deflate.gzip_compress(data, _LEVEL)
    blob[: len(GZIP_HEADER)] = GZIP_HEADER
    return blob


def keep_record(store: Store, record: LayerRecord) -> None:
    """Keep what is known of a layer under its fingerprint."""
    store.put_record(KIND, record.fingerprint.hex, record_to_json(record))


def read_record(
    store: Store, fingerprint: Digest, *, blob_needed: bool = True
) -> LayerRecord | None:
    """The layer that was made from this recipe before; None unless its bytes are here, too.

    With `blob_needed=False` the facts alone are enough.
    """
    found = store.record(KIND, fingerprint.hex)
    if found is None:
        return None
    try:
        record = record_from_json(found)
    except ValueError:
        return None
    usable = record.fingerprint == fingerprint and (
        not blob_needed or store.has_blob(record.digest, record.size_bytes)
    )
    return record if usable else None


def record_to_json(record: LayerRecord) -> dict[str, object]:
    """The record as a JSON object; digests as `sha256:…`, what is not known left out."""
    digests = {name: str(getattr(record, name)) for name in ("fingerprint", "diff_id", "digest")}
    return {name: value for name, value in (asdict(record) | digests).items() if value is not None}


def record_from_json(value: dict[str, object]) -> LayerRecord:
    """Read it back; ValueError where a key is missing or of another type."""
    return LayerRecord(
        fingerprint=digest_at(value, "fingerprint"),
        diff_id=digest_at(value, "diff_id"),
        digest=digest_at(value, "digest"),
        size_bytes=number_at(value, "size_bytes"),
        unzipped_bytes=number_at(value, "unzipped_bytes"),
        tar_bytes=number_at(value, "tar_bytes"),
        files=number_at(value, "files"),
        glibc=optional_text_at(value, "glibc"),
        checks=number_at(value, "checks", 0),
    )
