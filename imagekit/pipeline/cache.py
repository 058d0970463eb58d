"""What lies in the store, and removing from it: least recently used first.

Nothing that a running command uses is removed (`Store.held`). A base that was composed here stays
unless all is removed: Debian's archive moves on, and may not give its bytes again.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from imagekit.model.cache import CacheUse, KindUse, Pruned
from imagekit.store import Store, StoredFile

KINDS = ("wheels", "built wheels", "layers", "ZIPs", "bases", "documents", "records")

_INTERPRETERS = "interpreters"
"""Unpacked from composed bases (`bases.bytecode`)."""
_OF_RECORD = {"wheel": "wheels", "built": "built wheels", "layer": "layers", "zip": "ZIPs"}


class Wish(Struct, frozen=True, kw_only=True):
    """What shall go."""

    limit_bytes: int | None = None
    """As much as is over this."""
    unused_since: float | None = None
    """What was not used after this time, in seconds since 1970."""
    everything: bool = False


def use_of(store: Store, limit_bytes: int | None) -> CacheUse:
    """Everything in the store by kind. Reads the records that say what a blob is."""
    files = tuple(store.files())
    kinds = _kinds(store, files)
    sizes: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for file in files:
        kind = kinds.get(file.key, "documents") if file.kind == "blobs" else "records"
        sizes[kind].append(file.size_bytes)
    sizes["bases"] += _below(store.root / _INTERPRETERS)
    found = tuple(KindUse(name=k, files=len(s), size_bytes=sum(s)) for k, s in sizes.items())
    return CacheUse(folder=store.root, kinds=found, limit_bytes=limit_bytes)


def prune(store: Store, wish: Wish, now: float) -> Pruned:
    """Remove what the wish names, as far as it may go. CannotBuild where nothing can be removed."""
    store.check_writable()
    store.sweep(now)
    held_since = store.held_since(now)
    files = tuple(store.files())
    composed = _composed(store, files)
    keep = frozenset() if wish.everything else composed
    gone = [file for file in chosen(files, wish, keep, held_since) if store.remove(file)]
    if wish.everything and held_since is None:
        _remove_interpreters(store)
    freed = sum(file.size_bytes for file in gone)
    return Pruned(
        files=len(gone),
        freed_bytes=freed,
        left_bytes=sum(file.size_bytes for file in files) - freed,
        limit_bytes=0 if wish.everything else wish.limit_bytes,
        held=held_since is not None,
        bases_bytes=sum(file.size_bytes for file in files if file.key in keep),
    )


def chosen(
    files: Iterable[StoredFile],
    wish: Wish,
    keep: Collection[str] = (),
    held_since: float | None = None,
) -> Iterator[StoredFile]:
    """What goes, the least recently used first. Pure.

    `keep` names what stays by key; so does everything that was used after `held_since`.
    """
    ordered = sorted(files, key=lambda file: (file.used, file.key))
    left = sum(file.size_bytes for file in ordered)
    for file in ordered:
        if held_since is not None and file.used >= held_since:
            return
        over = wish.limit_bytes is not None and left > wish.limit_bytes
        old = wish.unused_since is not None and file.used < wish.unused_since
        if not (over or old or wish.everything):
            return
        if file.key not in keep:
            left -= file.size_bytes
            yield file


def _kinds(store: Store, files: Iterable[StoredFile]) -> dict[str, str]:
    """The kind of each blob that a record tells of, by digest."""
    found: dict[str, str] = {}
    for file in files:
        if file.kind == "wheel":
            found.setdefault(file.key, _OF_RECORD[file.kind])
        elif file.kind in _OF_RECORD:
            found |= dict.fromkeys(_digests(store.peek(file)), _OF_RECORD[file.kind])
        elif file.kind == "base":
            found |= dict.fromkeys(_digests(store.peek(file)), "bases")
    return found


def _composed(store: Store, files: Iterable[StoredFile]) -> frozenset[str]:
    """Keys of what belongs to bases whose layers lie nowhere else."""
    keys: set[str] = set()
    for file in files:
        if file.kind == "composed":
            keys.add(file.key)
        elif file.kind == "base" and (record := store.peek(file)) and record.get("in_store"):
            keys |= {file.key, *_digests(record)}
    return frozenset(keys)


def _digests(record: Mapping[str, object] | None) -> Iterator[str]:
    """The blobs that a record names: `digest`, and those of its `layers`, in hex."""
    if record is None:
        return
    layers = record.get("layers")
    for value in (record, *(layers if isinstance(layers, list) else ())):
        digest = value.get("digest") if isinstance(value, dict) else None
        if isinstance(digest, str):
            yield digest.removeprefix("sha256:")


def _below(folder: Path) -> list[int]:
    sizes = []
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink():
                sizes.append(path.stat().st_size)
    return sizes


def _remove_interpreters(store: Store) -> None:
    """Taken aside first: a folder under its name is whole."""
    with store.folder() as aside, suppress(OSError):
        (store.root / _INTERPRETERS).replace(aside / _INTERPRETERS)
        shutil.rmtree(aside / _INTERPRETERS, ignore_errors=True)
