"""HTTP as values: a request, a response that streams, and how a bad answer becomes an error.

Nothing here opens a connection; `net.transport` does. Redirects are followed by `net.redirects`,
retries are made by `net.retry`, each as a wrapper round `Transport.send`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec import Struct, field

from imagekit.model.errors import HttpError

if TYPE_CHECKING:
    from typing_extensions import Buffer

TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed (RFC 9110, 15.5.9, 15.6; RFC 6585, 4)."""

_DIAGNOSTICS_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
# Everything else in a query may be a signature, a token or a session; these say what was asked.
_OPEN_QUERY = frozenset({"digest", "mount", "from", "service", "scope", "n", "last"})


class Body(Protocol):
    """What a request carries; opened again for each try."""

    @property
    def size_bytes(self) -> int:
        """Exactly as many bytes as `open().read()` gives."""
        ...

    def open(self) -> BinaryIO:
        """A new stream from the start; the caller closes it."""
        ...


class BytesBody(Struct, frozen=True):
    """A body in memory."""

    data: bytes | bytearray | memoryview

    @property
    def size_bytes(self) -> int:
        """Length of the data."""
        return len(self.data)

    def open(self) -> BinaryIO:
        """Read it from the start."""
        if isinstance(self.data, bytes):
            return io.BytesIO(self.data)  # shares them
        return io.BufferedReader(_View(memoryview(self.data)))


class _View(io.RawIOBase):
    """A buffer as a file, without the copy that BytesIO makes of it: a layer may have 1 GB."""

    def __init__(self, data: memoryview) -> None:
        super().__init__()
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        chunk = self._data[self._at : self._at + len(view)]
        view[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)


class FileBody(Struct, frozen=True):
    """A body on disk, never read into memory at once."""

    path: Path

    @property
    def size_bytes(self) -> int:
        """Size of the file now."""
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        """Read it from the start."""
        return self.path.open("rb")


class Headers(Mapping[str, str]):
    """Header fields by name, whatever the case (RFC 9110, 5.1)."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name.lower(): value for name, value in fields.items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class Request(Struct, frozen=True, kw_only=True):
    """One request; `body` is sent with its Content-Length."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None


class Stream(Protocol):
    """Where a response's bytes come from."""

    def read(self, amount: int | None = None) -> bytes:
        """At most `amount` bytes, all that is left without it; `b""` at the end."""
        ...

    def close(self) -> None:
        """Give the connection back, or drop it."""
        ...


class Response:
    """An answer whose body is read as it comes; use it in a `with`.

    A connection that breaks off while the body is read is an HttpError with `temporary`.
    """

    __slots__ = ("_stream", "headers", "status", "url")

    def __init__(
        self, *, status: int, headers: Mapping[str, str], url: str, stream: Stream
    ) -> None:
        self.status = status
        self.headers = Headers(headers)
        self.url = url
        self._stream = stream

    def read(self, amount: int | None = None) -> bytes:
        """At most `amount` bytes, all that is left without it; `b""` at the end."""
        return self._stream.read(amount)

    def chunks(self, size_bytes: int = _CHUNK_BYTES) -> Iterator[bytes]:
        """The rest of the body, piece by piece."""
        while chunk := self.read(size_bytes):
            yield chunk

    def close(self) -> None:
        """Give the connection back; what was not read is lost."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Transport(Protocol):
    """Sends one request: no retries, no redirects followed."""

    def send(self, request: Request) -> Response:
        """The answer, whatever its status; HttpError with status 0 where none came."""
        ...


def failure(request: Request, response: Response, *, hint: str | None = None) -> HttpError:
    """The error for an answer that the caller cannot use; reads at most 64 KiB of it."""
    text = response.read(_DIAGNOSTICS_BYTES).decode("utf-8", "replace")
    return HttpError(
        method=request.method,
        url=redact(response.url),
        status=response.status,
        diagnostics=text.strip(),
        temporary=response.status in TEMPORARY,
        retry_after_seconds=retry_after(response.headers),
        hint=hint,
    )


def no_answer(request: Request, why: str, *, temporary: bool, hint: str | None = None) -> HttpError:
    """The error for a request that nobody answered."""
    return HttpError(
        method=request.method,
        url=redact(request.url),
        status=0,
        diagnostics=why,
        temporary=temporary,
        hint=hint,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as `Retry-After` says them, None where it does not (RFC 9110, 10.2.3).

    A date is counted from the answer's own `Date`, so no clock of ours is needed.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        then, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError):
        return None


def redact(url: str) -> str:
    """The URL as it may be shown: no user or password, no query value that may be a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    query = [
        (name, value if name in _OPEN_QUERY else "***")
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query, safe=":/*,"), ""))


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: credentials for one origin are never sent to another."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or ""), parts.port or default
