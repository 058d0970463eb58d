"""The pooled transport, over real connections."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagekit.model.errors import HttpError, UsageError
from imagekit.net.http import BytesBody, FileBody, Request, Response
from imagekit.net.transport import PooledTransport, connect
from tests.net.certificates import authority
from tests.net.servers import Handler, Server, serving, tunnel_to

HOST = "registry.example.com"


@contextmanager
def transport(environ: Mapping[str, str] | None = None) -> Iterator[PooledTransport]:
    made = connect(environ or {})
    try:
        yield made
    finally:
        made.close()


def ok(handler: Handler) -> None:
    handler.reply(200, b"hello")


def get(made: PooledTransport, server: Server, path: str = "/") -> Response:
    return made.send(Request(method="GET", url=f"http://127.0.0.1:{server.server_port}{path}"))


def test_one_connection_serves_many_requests() -> None:
    """Kept alive, also after answers that were not read, had no body, or were errors."""

    def respond(handler: Handler) -> None:
        handler.reply(404 if handler.path == "/missing" else 200, b"hello")

    with serving(respond) as server, transport() as made:
        for path in ("/", "/missing", "/"):
            with get(made, server, path) as response:
                assert response.read() == b"hello"
        get(made, server).close()
        head = Request(method="HEAD", url=f"http://127.0.0.1:{server.server_port}/")
        made.send(head).close()
        get(made, server).close()

    assert server.connections == 1
    assert len(server.asked) == 6


def test_large_answer_that_nobody_wants_is_not_read() -> None:
    """Closing drops the connection instead of reading on."""
    large = b"x" * 5_000_000
    with serving(lambda handler: handler.reply(200, large)) as server, transport() as made:
        get(made, server).close()
        with get(made, server) as response:
            assert response.read() == large

    assert server.connections == 2


def test_many_threads_share_it() -> None:
    """Sixteen at once keep their connections."""
    with serving(ok) as server, transport() as made:

        def ask() -> None:
            for _ in range(4):
                with get(made, server) as response:
                    assert response.read() == b"hello"

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(server.asked) == 64
    assert server.connections <= 16


def test_bodies_have_their_length(tmp_path: Path) -> None:
    """From memory and from disk, never chunked."""
    path = tmp_path / "body"
    path.write_bytes(b"f" * 200_000)
    with serving(ok) as server, transport() as made:
        url = f"http://127.0.0.1:{server.server_port}/"
        for body in (BytesBody(b"abc"), FileBody(path), BytesBody(b"")):
            made.send(Request(method="PUT", url=url, body=body)).close()

    assert [len(body) for body in server.bodies] == [3, 200_000, 0]
    assert [one["content-length"] for one in server.headers] == ["3", "200000", "0"]
    assert not any("transfer-encoding" in one for one in server.headers)


def test_bytes_come_as_they_are() -> None:
    """What is gzip stays gzip: digests are of what was sent."""
    encoded, headers = b"\x1f\x8b not really", {"Content-Encoding": "gzip"}
    with (
        serving(lambda handler: handler.reply(200, encoded, headers)) as server,
        transport() as made,
        get(made, server) as response,
    ):
        assert response.read() == encoded

    assert server.headers[0]["accept-encoding"] == "identity"
    assert server.headers[0]["user-agent"].startswith("imagekit/")


def test_redirects_are_for_the_caller() -> None:
    """The transport follows none."""
    with (
        serving(lambda handler: handler.reply(307, b"", {"Location": "/x"})) as server,
        transport() as made,
        get(made, server) as response,
    ):
        assert (response.status, response.headers["location"]) == (307, "/x")

    assert len(server.asked) == 1


def test_dropped_connection_is_temporary() -> None:
    """Hung up on without an answer: status 0, and it may be tried again."""

    def respond(handler: Handler) -> None:
        handler.close_connection = True

    with serving(respond) as server, transport() as made, pytest.raises(HttpError) as dropped:
        get(made, server, "/x?token=secret")

    assert (dropped.value.status, dropped.value.temporary) == (0, True)
    assert "secret" not in str(dropped.value)


def test_body_that_ends_early_is_temporary() -> None:
    """Fewer bytes than Content-Length said are no answer."""

    def respond(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    with (
        serving(respond) as server,
        transport() as made,
        get(made, server) as response,
        pytest.raises(HttpError) as cut,
    ):
        response.read()

    assert cut.value.temporary


def test_nobody_there_is_temporary() -> None:
    """A refused connection: a server may be starting."""
    with serving(ok) as server:
        port = server.server_port
    with transport() as made, pytest.raises(HttpError) as refused:
        made.send(Request(method="GET", url=f"http://127.0.0.1:{port}/"))

    assert (refused.value.status, refused.value.temporary) == (0, True)
    assert "refused" in refused.value.diagnostics.lower()


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example.com/",
        "http://10.0.0.1:5000/",
        "ftp://127.0.0.1/",
        "https://",
        "https://[broken",
        "https://h:port/",
        "/v2/",
    ],
)
def test_unfit_urls_are_not_asked(url: str) -> None:
    """Plain HTTP only with this machine; what is no URL is said, and never tried again."""
    with transport() as made, pytest.raises(HttpError) as refused:
        made.send(Request(method="GET", url=url))

    assert not refused.value.temporary


def test_plain_http_elsewhere_says_what_to_use() -> None:
    """The hint is the https address, without a password."""
    with transport() as made, pytest.raises(HttpError) as refused:
        made.send(Request(method="GET", url="http://u:p@registry.example.com:80/x"))

    assert refused.value.hint == "use https://registry.example.com:80"


def test_https_goes_through_the_proxy_to_the_right_certificate(tmp_path: Path) -> None:
    """HTTPS_PROXY with a password, SSL_CERT_FILE: a tunnel by name, TLS from end to end."""
    root, tls = authority(tmp_path, HOST)
    with serving(ok, tls=tls) as server, serving(tunnel_to(server.server_port)) as proxy:
        environ = {
            "HTTPS_PROXY": f"http://user:p%40ss@127.0.0.1:{proxy.server_port}",
            "SSL_CERT_FILE": str(root),
        }
        with transport(environ) as made:
            for _ in range(2):
                with made.send(Request(method="GET", url=f"https://{HOST}/v2/")) as response:
                    assert response.read() == b"hello"

    assert proxy.asked == [("CONNECT", f"{HOST}:443")]
    # "user:p@ss", as RFC 7617 has it.
    assert proxy.headers[0]["proxy-authorization"] == "Basic dXNlcjpwQHNz"
    assert "proxy-authorization" not in server.headers[0]


def test_unknown_authority_is_refused_for_good(tmp_path: Path) -> None:
    """A certificate that nobody vouches for: no retry, and a hint with the variable."""
    _, tls = authority(tmp_path, HOST)
    with serving(ok, tls=tls) as server, serving(tunnel_to(server.server_port)) as proxy:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.server_port}"}
        with transport(environ) as made, pytest.raises(HttpError) as refused:
            made.send(Request(method="GET", url=f"https://{HOST}/v2/"))

    assert not refused.value.temporary
    assert "SSL_CERT_FILE" in (refused.value.hint or "")


def test_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    """A known authority does not make it the right host."""
    root, tls = authority(tmp_path, "other.example.com")
    with (
        serving(ok, tls=tls) as server,
        transport({"SSL_CERT_FILE": str(root)}) as made,
        pytest.raises(HttpError) as refused,
    ):
        made.send(Request(method="GET", url=f"https://localhost:{server.server_port}/"))

    assert not refused.value.temporary


def test_proxy_that_refuses_is_named() -> None:
    """Without its password: the hint is about the proxy."""
    with serving(lambda handler: handler.reply(403)) as proxy:
        environ = {"HTTPS_PROXY": f"http://user:secret@127.0.0.1:{proxy.server_port}"}
        with transport(environ) as made, pytest.raises(HttpError) as refused:
            made.send(Request(method="GET", url=f"https://{HOST}/v2/"))

    assert "HTTPS_PROXY" in (refused.value.hint or "")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://[broken"])
def test_unusable_proxy_is_named(proxy: str) -> None:
    """A kind that is not spoken, or no URL at all."""
    with transport({"HTTPS_PROXY": proxy}) as made, pytest.raises(HttpError) as refused:
        made.send(Request(method="GET", url=f"https://{HOST}/v2/"))

    assert not refused.value.temporary
    assert "HTTPS_PROXY" in (refused.value.hint or "")


def test_certificates_that_cannot_be_read_are_the_users(tmp_path: Path) -> None:
    """Exit 2, naming the variable and the file."""
    missing = str(tmp_path / "missing.pem")
    with transport({"SSL_CERT_FILE": missing}) as made, pytest.raises(UsageError) as wrong:
        made.send(Request(method="GET", url=f"https://{HOST}/"))

    assert "SSL_CERT_FILE" in wrong.value.what and missing in wrong.value.what


def test_import_is_free() -> None:
    """Who asks nobody does not wait for urllib3 or ssl."""
    check = (
        "import sys; from imagekit.net.transport import connect; connect({});"
        "import imagekit.registry.push, imagekit.registry.credentials, imagekit.aws.ecr;"
        "heavy = {'urllib3', 'ssl', 'boto3', 'botocore', 'concurrent.futures'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
