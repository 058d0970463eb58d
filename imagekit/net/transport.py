"""The one door to the network: connections that are kept, proxies, certificates, time limits."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imagekit.net.http import Request, Response, no_answer
from imagekit.net.proxies import is_loopback

if TYPE_CHECKING:
    from imagekit.net.pool import Pool


class PooledTransport:
    """A Transport over kept connections; safe to share between threads.

    urllib3 is imported with the first request: a build that asks no one pays nothing.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    def send(self, request: Request) -> Response:
        """Send `request`; the body of the answer is read by the caller.

        HttpError: status 0, `temporary` where the connection failed or broke, not where the
        certificate, the proxy or the URL is at fault.
        """
        _check(request)
        return self._connections().send(request)

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()

    def _connections(self) -> Pool:
        with self._lock:
            if self._pool is None:
                from imagekit.net.pool import Pool

                self._pool = Pool(self._environ)
            return self._pool


def connect(environ: Mapping[str, str]) -> PooledTransport:
    """A transport as `environ` wants it: proxies, `NO_PROXY`, `SSL_CERT_FILE`, `SSL_CERT_DIR`."""
    return PooledTransport(environ)


def _check(request: Request) -> None:
    try:
        parts = urlsplit(request.url)
        _ = parts.port
    except ValueError as error:
        raise no_answer(request, f"not a URL: {error}", temporary=False) from error
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http":
        raise no_answer(request, "not an https URL", temporary=False)
    if not is_loopback(parts.hostname or ""):
        raise no_answer(
            request,
            "plain HTTP is spoken only with this machine",
            temporary=False,
            hint=f"use https://{parts.netloc.rpartition('@')[2]}",
        )
