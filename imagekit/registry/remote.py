"""Blobs that lie in another repository or registry, streamed from there, never on disk."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

from msgspec import Struct

from imagekit.model.errors import RemoteMismatch
from imagekit.model.image import Descriptor
from imagekit.model.reference import Reference
from imagekit.net.http import Response
from imagekit.registry.client import Registry

if TYPE_CHECKING:
    from typing_extensions import Buffer

_BUFFER_BYTES = 256 * 1024


class RemoteBody(Struct, frozen=True):
    """A blob of `source` as the body of an upload elsewhere; opened again for each try."""

    registry: Registry
    source: Reference
    descriptor: Descriptor

    @property
    def size_bytes(self) -> int:
        """As the descriptor says; other sizes are a RemoteMismatch while reading."""
        return self.descriptor.size_bytes

    def open(self) -> BinaryIO:
        """Ask for the blob and read it as it comes, verified before its last byte is given."""
        response = self.registry.open_blob(self.source, self.descriptor.digest)
        raw = _Verified(response, self.source, self.descriptor)
        return io.BufferedReader(raw, _BUFFER_BYTES)


class _Verified(io.RawIOBase):
    """Gives the last bytes only once the digest is right, so no wrong blob is ever complete."""

    def __init__(self, response: Response, source: Reference, descriptor: Descriptor) -> None:
        self._response = response
        self._source = source
        self._descriptor = descriptor
        self._hash = hashlib.sha256()
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._response.read(len(view))
        self._hash.update(chunk)
        self._read += len(chunk)
        if not chunk or self._read >= self._descriptor.size_bytes:
            self._verify()
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._response.close()
        super().close()

    def _verify(self) -> None:
        digest, actual = self._descriptor.digest, f"sha256:{self._hash.hexdigest()}"
        if self._read != self._descriptor.size_bytes or actual != str(digest):
            raise RemoteMismatch(
                what=f"the blob {self._source.at(digest)}", expected=str(digest), actual=actual
            )
