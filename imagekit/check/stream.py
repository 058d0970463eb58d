"""A layer's blob as the tar in it: inflated, hashed and counted in one pass, in bounded memory."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal

from imagekit.check.limits import MAX_TAR_BYTES
from imagekit.model.digest import Digest

Compression = Literal["gzip", "zstd", "none"]

_BLOB_CHUNK: Final = 256 * 1024
_TAR_CHUNK: Final = 1024 * 1024
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1


class BrokenLayer(Exception):
    """The bytes are no whole layer; the message says what is wrong."""


class UnreadLayer(Exception):
    """The bytes may be whole, but are not read; the message says why."""


class TarStream:
    """The uncompressed bytes of a blob, forward only.

    Nothing is read beyond `max_bytes`, so that a small blob cannot keep a check busy for days.
    """

    def __init__(self, blob: BinaryIO, *, max_bytes: int = MAX_TAR_BYTES) -> None:
        self._blob = blob
        self._max_bytes = max_bytes
        self._blob_hash = hashlib.sha256()
        self._tar_hash = hashlib.sha256()
        self.blob_bytes = 0
        self.tar_bytes = 0
        first = self._read_blob()
        self.compression: Compression = _compression(first)
        self._chunks = self._inflated(first) if self.compression == "gzip" else self._plain(first)
        self._buffer = b""
        self._at = 0
        if self.compression == "zstd":
            self._chunks = iter(())

    @property
    def digest(self) -> Digest:
        """Of the blob, once all is read."""
        return Digest(self._blob_hash.hexdigest())

    @property
    def diff_id(self) -> Digest:
        """Of the tar, once all is read."""
        return Digest(self._tar_hash.hexdigest())

    def read(self, amount: int) -> bytes:
        """`amount` bytes; BrokenLayer where there are fewer."""
        end = self._at + amount
        if end <= len(self._buffer):
            found = self._buffer[self._at : end]
            self._at = end
            return found
        parts = [self._buffer[self._at :]]
        missing = amount - len(parts[0])
        while missing > 0:
            chunk = self._next() or self._ended()
            parts.append(chunk[:missing])
            self._at = min(missing, len(chunk))
            missing -= len(chunk)
        return b"".join(parts)

    def skip(self, amount: int) -> None:
        """Move on without keeping what was read."""
        self._at += amount
        while self._at > len(self._buffer):
            beyond = self._at - len(self._buffer)
            if not self._next():
                self._ended()
            self._at = beyond

    def ended(self) -> bool:
        """Whether nothing follows."""
        return self._at >= len(self._buffer) and not self._next()

    def drain(self) -> None:
        """Read the blob to its end, so that the digests are of all of it."""
        while self._next():
            pass
        while self._read_blob():
            pass

    def _next(self) -> bytes:
        self._buffer, self._at = next(self._chunks, b""), 0
        self._tar_hash.update(self._buffer)
        self.tar_bytes += len(self._buffer)
        if self.tar_bytes > self._max_bytes:
            raise UnreadLayer("more than 10 GiB of it")
        return self._buffer

    def _ended(self) -> bytes:
        raise BrokenLayer("its tar ends early")

    def _read_blob(self) -> bytes:
        chunk = self._blob.read(_BLOB_CHUNK)
        self._blob_hash.update(chunk)
        self.blob_bytes += len(chunk)
        return chunk

    def _plain(self, chunk: bytes) -> Iterator[bytes]:
        while chunk:
            yield chunk
            chunk = self._read_blob()

    def _inflated(self, chunk: bytes) -> Iterator[bytes]:
        """Every gzip member of the blob; what follows the last one is no part of the tar."""
        inflater = zlib.decompressobj(wbits=31)
        try:
            while True:
                if made := inflater.decompress(chunk, _TAR_CHUNK):
                    yield made
                chunk = inflater.unconsumed_tail
                if inflater.eof:
                    chunk = inflater.unused_data or self._read_blob()
                    if not chunk.startswith(_GZIP[: len(chunk)] or _GZIP):
                        return
                    inflater = zlib.decompressobj(wbits=31)
                elif not chunk and not (chunk := self._read_blob()):
                    raise BrokenLayer("its gzip stream ends early")
        except zlib.error as error:
            raise BrokenLayer(f"its gzip stream is corrupt ({error})") from error


def _compression(start: bytes) -> Compression:
    if start.startswith(_GZIP):
        return "gzip"
    return "zstd" if start.startswith(_ZSTD) else "none"
