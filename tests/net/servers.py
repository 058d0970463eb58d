"""Small real servers: one that counts connections, one proxy that tunnels."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

Respond = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    """Counts what connects and what is asked."""

    daemon_threads = True
    block_on_close = False
    respond: Respond
    connections = 0

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.respond = respond
        self.asked: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(cast(socket.socket, request), client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the test."""


class Handler(BaseHTTPRequestHandler):
    """Notes the request and lets the test answer."""

    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        server = cast(Server, self.server)
        server.asked.append((self.command, self.path))
        server.headers.append({name.lower(): value for name, value in self.headers.items()})
        server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        server.respond(self)

    do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815

    def do_CONNECT(self) -> None:
        """Note it, then pass bytes between the two until either hangs up."""
        server = cast(Server, self.server)
        server.asked.append((self.command, self.path))
        server.headers.append({name.lower(): value for name, value in self.headers.items()})
        server.respond(self)

    def reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Answer with Content-Length."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def serving(respond: Respond, *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server until the block ends."""
    server = Server(respond)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tunnel_to(port: int) -> Respond:
    """A proxy's answer to CONNECT: whatever was asked for, go to this port."""

    def respond(handler: Handler) -> None:
        with socket.create_connection(("127.0.0.1", port)) as other:
            handler.send_response(200)
            handler.end_headers()
            back = threading.Thread(target=_pump, args=(other, handler.connection), daemon=True)
            back.start()
            _pump(handler.connection, other)
            back.join()
        handler.close_connection = True

    return respond


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
