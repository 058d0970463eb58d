"""A front before a real registry: counts requests and bytes, and can misbehave on demand."""

from __future__ import annotations

import http.client
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, cast

from msgspec import Struct

Phase = Literal["before", "after"]
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Fault(Struct, kw_only=True):
    """What happens to the next `times` requests of `method` whose path matches `path`.

    A status answers in place of the registry; `hang_up` closes the connection before the registry
    has seen the request, or after it took it; `digest` lies in `Docker-Content-Digest`;
    `body` answers with other bytes and the registry's status and headers.
    """

    method: str
    path: str = ""
    times: int = 1
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    hang_up: Phase | None = None
    digest: str | None = None
    body: bytes | None = None


class Seen(Struct, frozen=True, kw_only=True):
    """One request as it came in."""

    method: str
    path: str
    status: int
    sent_bytes: int
    """Bytes of its body."""
    headers: dict[str, str]


class Front:
    """`with Front("127.0.0.1:5000") as front:` then push to `front.host`."""

    def __init__(self, registry: str) -> None:
        self.registry = registry
        self.seen: list[Seen] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.front = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Front:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        """HOST:PORT to name in a reference."""
        return f"127.0.0.1:{self._server.server_port}"

    def fault(self, fault: Fault) -> None:
        """Let the next matching requests go wrong."""
        with self._lock:
            self._faults.append(fault)

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request runs into, one of its times used up."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def saw(self, method: str, path: str = "") -> list[Seen]:
        """Requests of `method` whose path matches."""
        return [each for each in self.seen if each.method == method and re.search(path, each.path)]

    @property
    def sent_bytes(self) -> int:
        """Bytes of all bodies that clients sent."""
        return sum(each.sent_bytes for each in self.seen)

    def forget(self) -> None:
        """Start counting anew; faults that wait are dropped too."""
        self.seen.clear()
        self._faults.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    front: Front


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # else small answers wait for the client
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        front = cast(_Server, self.server).front
        sent = self._body()
        fault = front.take_fault(self.command, self.path)
        if fault and fault.hang_up == "before":
            return self._hang_up(front, sent)
        if fault and fault.status:
            self._note(front, fault.status, sent)
            return self._reply(fault.status, dict(fault.headers), fault.body or b"")
        upstream = http.client.HTTPConnection(front.registry, timeout=60)
        try:
            upstream.request(self.command, self.path, body=sent, headers=dict(self.headers))
            answer = upstream.getresponse()
            body = answer.read()
        finally:
            upstream.close()
        if fault and fault.hang_up == "after":
            return self._hang_up(front, sent)
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
        size = answer.getheader("Content-Length", "0") if self.command == "HEAD" else None
        if fault and fault.digest:
            headers["Docker-Content-Digest"] = fault.digest
        if fault and fault.body is not None:
            body = fault.body
        self._note(front, answer.status, sent)
        self._reply(answer.status, headers, body, size=size)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        del self.headers["Transfer-Encoding"]
        return b"".join(chunks)

    def _note(self, front: Front, status: int, sent: bytes) -> None:
        front.seen.append(
            Seen(
                method=self.command,
                path=self.path,
                status=status,
                sent_bytes=len(sent),
                headers={name.lower(): value for name, value in self.headers.items()},
            )
        )

    def _hang_up(self, front: Front, sent: bytes) -> None:
        self._note(front, 0, sent)
        self.close_connection = True

    def _reply(
        self, status: int, headers: dict[str, str], body: bytes, *, size: str | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", size or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: requests are recorded."""
