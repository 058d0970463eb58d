"""Streams the layers of a base once, a few at a time, for the facts about it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from msgspec import Struct

from imagekit.bases.facts import facts_of
from imagekit.bases.kept_listing import keep_listing, kept_listing
from imagekit.bases.listing import Listing, read_layer, require_gzip
from imagekit.bases.view import View
from imagekit.model.base import BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.image import Descriptor, Family, ImageConfig
from imagekit.net.retry import with_retries
from imagekit.store import Store

_STREAMS = 4


class Documents(Struct, frozen=True, kw_only=True):
    """What a base's manifest and config say."""

    digest: Digest
    """Of the manifest."""
    family: Family
    config: ImageConfig
    layers: tuple[Descriptor, ...]


class Stream(Protocol):
    """Compressed bytes of a layer."""

    def read(self, amount: int, /) -> bytes:
        """At most `amount` bytes; nothing at the end."""
        ...

    def close(self) -> None:
        """Give up what was not read."""
        ...


class _Counted:
    """A stream that says how far it was read."""

    def __init__(self, stream: Stream, progress: Callable[[int], None]) -> None:
        self._stream = stream
        self._progress = progress

    def read(self, amount: int, /) -> bytes:
        data = self._stream.read(amount)
        self._progress(len(data))
        return data


def read_facts(
    name: str,
    documents: Documents,
    open_layer: Callable[[Descriptor], Stream],
    sleep: Callable[[float], None],
    progress: Callable[[int], None],
    store: Store,
) -> BaseFacts:
    """The facts about the base `name`; a layer whose stream breaks off is read again.

    A layer that was read before, for whatever base, is not: what lies in it is kept in `store`.

    `progress` hears how many more compressed bytes were read, from several threads.

    Errors: those of `read_layer` and `facts_of`, and of the registry that is read.
    """
    from concurrent.futures import ThreadPoolExecutor

    for layer in documents.layers:
        require_gzip(layer, name)

    def read(layer: Descriptor, diff_id: Digest) -> Listing:
        with closing(open_layer(layer)) as stream:
            listing = read_layer(_Counted(stream, progress), layer, diff_id, name)
        keep_listing(store, layer.digest, diff_id, listing)
        return listing

    def read_surely(layer: Descriptor, diff_id: Digest) -> Listing:
        if known := kept_listing(store, layer.digest, diff_id):
            return known
        return with_retries(lambda: read(layer, diff_id), sleep=sleep)

    with ThreadPoolExecutor(_STREAMS) as pool:
        listings = list(pool.map(read_surely, documents.layers, documents.config.diff_ids))
    unzipped = sum(listing.tar_bytes for listing in listings)
    return facts_of(View(listings), documents.config, unzipped, name)
