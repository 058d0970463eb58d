"""What is said where nobody answers: host, port, why, and what to type; never a class's name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagekit.model.errors import HttpError
from imagekit.net.http import Request
from imagekit.net.transport import connect
from imagekit.report.errors import words
from tests.net.certificates import authority
from tests.net.servers import Handler, serving


def failed(url: str, environ: Mapping[str, str] | None = None) -> HttpError:
    """The error of one request, whose words are no one's but ours."""
    made = connect(environ or {})
    with pytest.raises(HttpError) as caught:
        try:
            with made.send(Request(method="GET", url=url)) as response:
                response.read()
        finally:
            made.close()
    said = words(caught.value)
    assert "caused by" not in said, said
    assert "Connection(" not in said and "Error(" not in said and "host='" not in said, said
    return caught.value


def free_port() -> int:
    """Where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_refused_connection(scheme: str) -> None:
    """On this machine something has to be started."""
    port = free_port()
    error = failed(f"{scheme}://127.0.0.1:{port}/x")

    assert error.diagnostics == f"no connection to 127.0.0.1:{port}: connection refused"
    assert error.hint == f"start what answers at 127.0.0.1:{port}, or correct the address"
    assert error.temporary


def test_a_name_that_nobody_knows() -> None:
    """RFC 6761: `.invalid` is no host's."""
    error = failed("https://registry.invalid/v2/")

    assert error.diagnostics == "no connection to registry.invalid:443: its name is not known"
    assert error.hint is not None
    assert "HTTPS_PROXY=http://HOST:PORT" in error.hint


def test_a_proxy_that_is_not_there() -> None:
    """The proxy is named, not the host that it was to lead to; its password is not."""
    port = free_port()
    environ = {"HTTPS_PROXY": f"http://me:s3cret@127.0.0.1:{port}"}
    error = failed("https://registry.example.com/v2/", environ)

    said = f"the proxy 127.0.0.1:{port}: no connection: connection refused"
    assert error.diagnostics == said
    assert error.hint == "check HTTPS_PROXY, or name this host in NO_PROXY"


def test_a_proxy_that_says_no() -> None:
    """In its own words."""
    with serving(lambda handler: handler.reply(403)) as proxy:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.server_port}"}
        error = failed("https://registry.example.com/v2/", environ)

    place = f"127.0.0.1:{proxy.server_port}"
    assert error.diagnostics == f"the proxy {place}: tunnel connection failed: 403 forbidden"


def test_certificates(tmp_path: Path) -> None:
    """One of nobody known asks for its authority, one of another host for the right name."""
    root, tls = authority(tmp_path, "other.example.com")
    with serving(lambda handler: handler.reply(200), tls=tls) as server:
        url = f"https://localhost:{server.server_port}/"
        unknown = failed(url)
        other = failed(url, {"SSL_CERT_FILE": str(root)})

    start = f"the certificate of localhost:{server.server_port} is not trusted: "
    assert unknown.diagnostics.startswith(start)
    assert "SSL_CERT_FILE" in (unknown.hint or "")
    assert other.diagnostics.startswith(start)
    assert "name of the host" in (other.hint or "")
    assert not unknown.temporary
    assert not other.temporary


def test_no_tls_at_all() -> None:
    """A server that speaks plain HTTP where TLS was asked for."""
    with serving(lambda handler: handler.reply(200)) as server:
        error = failed(f"https://127.0.0.1:{server.server_port}/")

    assert error.diagnostics.startswith(f"no TLS with 127.0.0.1:{server.server_port}: ")
    assert ssl.__name__ not in error.diagnostics


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "the connection was cut off"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
            "the connection was cut off in the middle of the answer",
        ),
    ],
)
def test_an_answer_that_breaks_off(head: bytes, said: str) -> None:
    """Before its head, and within its body."""

    def respond(handler: Handler) -> None:
        handler.wfile.write(head)
        handler.close_connection = True

    with serving(respond) as server:
        error = failed(f"http://127.0.0.1:{server.server_port}/")

    assert error.diagnostics.startswith(said)
    assert error.temporary
