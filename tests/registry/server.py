"""The HTTP side of the fault registry: reads requests, plays faults, counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, cast
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct, field

from tests.services.front import Seen


class Fault(Struct, kw_only=True):
    """What happens to the next `times` requests of `method` whose path (with query) matches.

    A `status` is answered in place of the server's own; `digest` lies in `Docker-Content-Digest`;
    `body` gives other bytes. `hang_up` closes the connection: before the request's body is read,
    after the server did what was asked, or halfway through the answer's body.
    """

    method: str
    path: str = ""
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    digest: str | None = None
    hang_up: Literal["before", "after", "halfway"] | None = None


class Answer(Struct):
    """What goes back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Ask(Struct, kw_only=True):
    """A request that came in, its body read."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def first(self, name: str) -> str:
        """The first value of a query field, empty without one."""
        return self.query.get(name, [""])[0]


class HangUp(Exception):
    """Close the connection without an answer."""


class Server:
    """An HTTP server on a free port of loopback, in threads."""

    def __init__(
        self,
        answer: Callable[[Ask], Answer],
        note: Callable[[Seen], None],
        take_fault: Callable[[str, str], Fault | None],
    ) -> None:
        self.answer, self.note, self.take_fault = answer, note, take_fault
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def host(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self._http.server_port}"

    def start(self) -> None:
        """Take requests from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Take none any more, and close what is open."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: Server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        owner = cast(_Http, self.server).owner
        fault = owner.take_fault(self.command, self.path)
        if fault and fault.hang_up == "before":
            return self._hang_up(owner, b"")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self._answer(owner, fault, body)
        except HangUp:
            return self._hang_up(owner, body)
        if fault and fault.hang_up == "after":
            return self._hang_up(owner, body)
        self._reply(owner, body, answer, cut=bool(fault and fault.hang_up == "halfway"))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815

    def _answer(self, owner: Server, fault: Fault | None, body: bytes) -> Answer:
        if fault and fault.status:
            return Answer(fault.status, dict(fault.headers), fault.body or b"")
        answer = owner.answer(self._ask(body))
        if fault and fault.digest:
            answer.headers["Docker-Content-Digest"] = fault.digest
        if fault and fault.body is not None:
            answer.body = fault.body
        return answer

    def _ask(self, body: bytes) -> Ask:
        parts = urlsplit(self.path)
        return Ask(
            method=self.command,
            path=parts.path,
            query=parse_qs(parts.query),
            headers=self._fields(),
            body=body,
        )

    def _fields(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _note(self, owner: Server, status: int, body: bytes) -> None:
        owner.note(
            Seen(
                method=self.command,
                path=self.path,
                status=status,
                sent_bytes=len(body),
                headers=self._fields(),
            )
        )

    def _hang_up(self, owner: Server, body: bytes) -> None:
        self._note(owner, 0, body)
        self.close_connection = True

    def _reply(self, owner: Server, body: bytes, answer: Answer, *, cut: bool = False) -> None:
        self._note(owner, answer.status, body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.close_connection = self.close_connection or cut

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: requests are recorded."""
