"""The only place that knows urllib3. Imported with the first request."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from http.client import IncompleteRead
from urllib.parse import unquote

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    SSLError,
    TimeoutError,
)

from imagekit import __version__
from imagekit.model.errors import HttpError
from imagekit.net.http import Request, Response, no_answer, origin, redact
from imagekit.net.proxies import is_loopback, proxy_for
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
            # The words say it all; what lies beneath names classes of this file.
            raise self._translated(request, error) from None
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

    def _translated(self, request: Request, error: HTTPError) -> HttpError:
        return _translate(request, error, proxy_for(request.url, self._environ))

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
            raise _translate(self._request, error) from None

    def close(self) -> None:
        answer = self._answer
        left = answer.length_remaining if isinstance(answer, urllib3.HTTPResponse) else None
        if left is not None and left <= _DRAIN_BYTES:
            answer.drain_conn()
            answer.release_conn()
        else:
            answer.close()


_CERTIFICATE = "name your certificate authority's PEM file in SSL_CERT_FILE"
# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL.
_OF_ANOTHER_HOST = (62, 64)
_PROXY = "check HTTPS_PROXY, or name this host in NO_PROXY"


_CERTIFICATE_OF = "check the name of the host, as its certificate is for another"


def _translate(request: Request, error: HTTPError, proxy: str | None = None) -> HttpError:
    """In words for people: which host and port, what happened, and what helps."""
    cause = error.original_error if isinstance(error, ProxyError) else error
    place = _place(request.url)
    if isinstance(cause, SSLError):
        words, help_ = _tls_words(cause, place)
        return no_answer(request, words, temporary=False, hint=help_)
    if isinstance(error, ProxyError) or (proxy and _is_connecting(error)):
        words = f"the proxy {_place(proxy or request.url)}: {_words(cause, place, at_proxy=True)}"
        return no_answer(request, words, temporary=True, hint=_PROXY)
    if isinstance(error, LocationValueError):
        return no_answer(request, str(error), temporary=False)
    hint = _reaching(request.url) if _is_connecting(error) else None
    return no_answer(request, _words(error, place), temporary=True, hint=hint)


def _is_connecting(error: BaseException) -> bool:
    return isinstance(error, NewConnectionError | ConnectTimeoutError)


def _place(url: str) -> str:
    """HOST:PORT."""
    scheme, host, port = origin(url if "://" in url else f"http://{url}")
    return f"{f'[{host}]' if ':' in host else host}:{port or (443 if scheme == 'https' else 80)}"


def _reaching(url: str) -> str:
    if is_loopback(origin(url)[1]):
        return f"start what answers at {_place(url)}, or correct the address"
    return "correct the host's name; or set HTTPS_PROXY=http://HOST:PORT if a proxy leads there"


def _tls_words(error: SSLError, place: str) -> tuple[str, str]:
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        words = f"the certificate of {place} is not trusted: {cause.verify_message}"
        known = cause.verify_code in _OF_ANOTHER_HOST
        return words, _CERTIFICATE_OF if known else _CERTIFICATE
    reason = getattr(cause, "reason", None) or getattr(cause, "strerror", None) or str(error)
    return f"no TLS with {place}: {str(reason).lower().replace('_', ' ')}", _CERTIFICATE


def _words(error: BaseException, place: str, *, at_proxy: bool = False) -> str:
    to = "no connection" if at_proxy else f"no connection to {place}"
    match error:
        case NameResolutionError():
            found = f"{to}: its name is not known"
        case NewConnectionError():
            found = f"{to}: {_os_words(error.__cause__) or 'refused'}"
        case ConnectTimeoutError():
            found = f"{to} within {_CONNECT_SECONDS:.0f} s"
        case TimeoutError():
            found = "no answer in time"
        case ProtocolError():
            found = _cut_off(error)
        case _:
            found = _os_words(error) or str(error)
    return found


def _cut_off(error: ProtocolError) -> str:
    beneath = error.args[1] if len(error.args) > 1 else error
    if isinstance(beneath, IncompleteRead):
        return "the connection was cut off in the middle of the answer"
    said = _os_words(beneath)
    return f"the connection was cut off{f': {said}' if said else ''}"


def _os_words(error: object) -> str | None:
    """The system's words; what a proxy answered comes as such an error, too."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if not isinstance(error, OSError):
        return None
    return (error.strerror or str(error)).lower()
