"""An engine of the tests' own: it answers as Docker's API does, and can be told what to say."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast

from msgspec import Struct, field

_KNOWN = {
    "/version": {"ApiVersion": "1.41", "Version": "20.10.24"},
    "/info": {"DriverStatus": [["Backing Filesystem", "extfs"]]},
    "/images/json": [],
}


class Said(Struct, frozen=True):
    """One answer: JSON, or lines of JSON in chunks as `docker load` streams them."""

    body: object
    status: int = 200
    chunked: bool = False


class FakeEngine(Struct):
    """`with FakeEngine({"/info": Said({...})}) as engine:` then DOCKER_HOST is `engine.host`."""

    answers: dict[str, Said] = field(default_factory=dict)
    received_bytes: int = 0
    _http: _Http | None = None
    _thread: threading.Thread | None = None

    @property
    def host(self) -> str:
        assert self._http is not None
        return f"tcp://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._http is not None and self._thread is not None
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def said(self, path: str) -> Said:
        """The answer for a path without its API version."""
        plain = path.partition("?")[0]
        if plain.startswith("/v1."):
            plain = "/" + plain.split("/", 2)[2]
        if plain in self.answers:
            return self.answers[plain]
        known = _KNOWN.get(plain)
        return Said({"message": f"no {plain}"}, status=404) if known is None else Said(known)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: FakeEngine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        owner = cast(_Http, self.server).owner
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                owner.received_bytes += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            length = int(self.headers.get("Content-Length") or 0)
            owner.received_bytes += len(self.rfile.read(length))
        self._reply()

    def _reply(self) -> None:
        said = cast(_Http, self.server).owner.said(self.path)
        self.send_response(said.status)
        self.send_header("Content-Type", "application/json")
        if said.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            lines = [json.dumps(line).encode() for line in cast("list[object]", said.body)]
            for line in (*lines, b""):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        else:
            data = json.dumps(said.body).encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
