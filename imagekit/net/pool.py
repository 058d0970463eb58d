"""The only place that knows urllib3. Imported with the first request."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    SSLError,
    TimeoutError,
)

from imagekit import __version__
from imagekit.model.errors import HttpError
from imagekit.net.http import Request, Response, no_answer, redact
from imagekit.net.proxies import proxy_for
from imagekit.net.trust import tls_context

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
# A registry hashes a blob before it answers; the slowest disk that is worth waiting for.
_HASHED_BYTES_PER_SECOND = 20e6
_CONNECTIONS = 16
_BLOCK_BYTES = 64 * 1024
# Reading so much of an unwanted answer is cheaper than another connection.
_DRAIN_BYTES = 64 * 1024


class _PlainConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        # urllib3 keeps the time limit for connecting while it sends; a registry that writes
        # elsewhere may well stop reading for longer.
        self.sock.settimeout(_READ_SECONDS)


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(_READ_SECONDS)


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class Pool:
    """Kept connections, one manager for direct ones and one for each proxy."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._managers: dict[tuple[str, str | None], urllib3.PoolManager] = {}
        self._tls: ssl.SSLContext | None = None

    def send(self, request: Request) -> Response:
        """Send one request and give its answer, unread."""
        manager = self._manager(request)
        headers = {"User-Agent": f"imagekit/{__version__}", "Accept-Encoding": "identity"}
        headers |= request.headers
        try:
            answer = self._exchange(manager, request, headers)
        except HTTPError as error:
            raise _translate(request, error) from error
        return Response(
            status=answer.status,
            headers=answer.headers,
            url=request.url,
            stream=_Stream(request, answer),
        )

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            for manager in self._managers.values():
                manager.clear()

    def _exchange(
        self, manager: urllib3.PoolManager, request: Request, headers: dict[str, str]
    ) -> urllib3.BaseHTTPResponse:
        body, patience = request.body, _READ_SECONDS
        stream = None
        if body is not None:
            headers["Content-Length"] = str(body.size_bytes)
            patience += body.size_bytes / _HASHED_BYTES_PER_SECOND
            stream = body.open()
        try:
            return manager.urlopen(
                request.method,
                request.url,
                body=stream,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=patience),
            )
        finally:
            if stream is not None:
                stream.close()

    def _manager(self, request: Request) -> urllib3.PoolManager:
        secure = request.url.startswith("https:")
        key = ("https" if secure else "http", proxy_for(request.url, self._environ))
        with self._lock:
            if key not in self._managers:
                self._managers[key] = self._make(request, *key)
            return self._managers[key]

    def _make(self, request: Request, scheme: str, proxy: str | None) -> urllib3.PoolManager:
        # Reading the system's certificates takes 20 ms: only for those who need them.
        if scheme == "https" and self._tls is None:
            self._tls = tls_context(self._environ)
        tls = self._tls if scheme == "https" else None
        manager = (
            urllib3.PoolManager(maxsize=_CONNECTIONS, blocksize=_BLOCK_BYTES, ssl_context=tls)
            if proxy is None
            else _through(request, proxy, tls)
        )
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager


def _through(request: Request, proxy: str, tls: ssl.SSLContext | None) -> urllib3.ProxyManager:
    try:
        url = urllib3.util.parse_url(proxy)
        user = urllib3.util.make_headers(proxy_basic_auth=unquote(url.auth)) if url.auth else None
        return urllib3.ProxyManager(
            proxy,
            proxy_headers=user,
            proxy_ssl_context=tls,
            maxsize=_CONNECTIONS,
            blocksize=_BLOCK_BYTES,
            ssl_context=tls,
        )
    except (HTTPError, ValueError) as error:
        raise no_answer(
            request,
            f"the proxy {redact(proxy)} cannot be used: {error}",
            temporary=False,
            hint="give HTTPS_PROXY as http://HOST:PORT, or name this host in NO_PROXY",
        ) from error


class _Stream:
    """The body of an answer; foreign errors become ours."""

    __slots__ = ("_answer", "_request")

    def __init__(self, request: Request, answer: urllib3.BaseHTTPResponse) -> None:
        self._request = request
        self._answer = answer

    def read(self, amount: int | None = None) -> bytes:
        try:
            return self._answer.read(amount, decode_content=False)
        except HTTPError as error:
            raise _translate(self._request, error) from error

    def close(self) -> None:
        answer = self._answer
        left = answer.length_remaining if isinstance(answer, urllib3.HTTPResponse) else None
        if left is not None and left <= _DRAIN_BYTES:
            answer.drain_conn()
            answer.release_conn()
        else:
            answer.close()


_CERTIFICATE = "name your certificate authority's PEM file in SSL_CERT_FILE"
_PROXY = "check HTTPS_PROXY, or name this host in NO_PROXY"


def _translate(request: Request, error: HTTPError) -> HttpError:
    cause = error.original_error if isinstance(error, ProxyError) else error
    if isinstance(cause, SSLError):
        return no_answer(request, _words(cause), temporary=False, hint=_CERTIFICATE)
    if isinstance(error, ProxyError):
        return no_answer(request, _words(error), temporary=True, hint=_PROXY)
    if isinstance(error, LocationValueError):
        return no_answer(request, _words(error), temporary=False)
    return no_answer(request, _words(error), temporary=True)


def _words(error: BaseException) -> str:
    if isinstance(error, NewConnectionError):
        cause = error.__cause__
        detail = cause.strerror if isinstance(cause, OSError) else None
        return f"no connection: {detail or 'refused'}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error)
