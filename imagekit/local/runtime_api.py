"""Lambda's Runtime API: what a runtime client polls, answers and reports errors to.

Bytes in, bytes out: connections, clocks and processes are other people's business.
docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from imagekit.model.invocation import EVENT_LIMIT_BYTES

if TYPE_CHECKING:
    import h11

_RUNTIME = "/2018-06-01/runtime"
_NOT_STREAMED = "Lambda-Runtime-Function-Response-Mode"
_LONGEST_HEADERS = 1 << 16


class Event(Struct, frozen=True, kw_only=True):
    """What a poll is answered with."""

    request_id: str
    body: bytes
    deadline_ms: int
    """Since 1970."""
    arn: str
    trace_id: str


class Polled(Struct, frozen=True):
    """The function asks for work, and has none: it can be given an event."""


class Answered(Struct, frozen=True):
    """The function answered."""

    request_id: str
    body: bytes


class Reported(Struct, frozen=True):
    """The runtime client reported an error: of one event, or of INIT where `request_id` is None."""

    request_id: str | None
    body: bytes


class TooLarge(Struct, frozen=True):
    """The answer is over Lambda's limit, and was not taken."""

    request_id: str
    size_bytes: int


class Streamed(Struct, frozen=True):
    """The function streams its answer, which is not taken here."""

    request_id: str


Said = Polled | Answered | Reported | TooLarge | Streamed


class _Connection(Struct):
    http: h11.Connection
    request: h11.Request | None = None
    body: bytearray = field(default_factory=bytearray)


class RuntimeApi:
    """The API of one environment.

    `send` takes what goes back on a connection, `hang_up` ends one that is not to be kept.
    """

    def __init__(self, send: Callable[[int, bytes], None], hang_up: Callable[[int], None]) -> None:
        self._send = send
        self._hang_up = hang_up
        self._connections: dict[int, _Connection] = {}
        self._waiting: int | None = None
        self._current: str | None = None

    @property
    def waiting(self) -> int | None:
        """The connection that waits for an event."""
        return self._waiting

    def received(self, number: int, data: bytes) -> Iterator[Said]:
        """Bytes of the function's; what they say."""
        connection = self._connections.get(number) or self._opened(number)
        connection.http.receive_data(data)
        yield from self._read(number, connection)

    def closed(self, number: int) -> None:
        """The function closed a connection."""
        self._connections.pop(number, None)
        if self._waiting == number:
            self._waiting = None

    def forget(self) -> None:
        """The process is gone, and its connections with it."""
        self._connections.clear()
        self._waiting = self._current = None

    def give(self, event: Event) -> None:
        """Answer the poll that waits. ValueError where none does."""
        if self._waiting is None:
            raise ValueError("the function does not ask for work")
        number, self._waiting, self._current = self._waiting, None, event.request_id
        headers = {
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": event.arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
            "Content-Type": "application/json",
        }
        self._reply(number, 200, event.body, headers)

    def _opened(self, number: int) -> _Connection:
        import h11

        http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEADERS)
        return self._connections.setdefault(number, _Connection(http))

    def _read(self, number: int, connection: _Connection) -> Iterator[Said]:
        import h11

        while True:
            try:
                found = connection.http.next_event()
            except h11.RemoteProtocolError as error:
                self._refuse(number, error.error_status_hint, "InvalidRequest", str(error))
                return
            match found:
                case h11.Request():
                    connection.request, connection.body = found, bytearray()
                case h11.Data():
                    connection.body += found.data
                case h11.EndOfMessage():
                    yield from self._asked(number, connection)
                case _:
                    return

    def _asked(self, number: int, connection: _Connection) -> Iterator[Said]:
        asked, body = connection.request, bytes(connection.body)
        if asked is None:
            return
        method, path = asked.method.decode(), asked.target.decode()
        headers = {name.decode(): value.decode("latin-1") for name, value in asked.headers}
        match method, path.removeprefix(_RUNTIME).strip("/").split("/"):
            case "GET", ["invocation", "next"]:
                self._waiting = number
                yield Polled()
            case "POST", ["init", "error"]:
                self._accept(number)
                yield Reported(None, body)
            case "POST", ["invocation", request_id, ("response" | "error") as kind]:
                yield from self._ended(number, request_id, kind, body, headers)
            case _:
                self._refuse(number, 404, "NoSuchPath", f"there is no {method} {path}")

    def _ended(
        self, number: int, request_id: str, kind: str, body: bytes, headers: Mapping[str, str]
    ) -> Iterator[Said]:
        if request_id != self._current:
            # As Lambda has it: an answer that comes late, or twice.
            self._refuse(number, 400, "InvalidRequestID", "Invalid request ID")
            return
        self._current = None
        if kind == "error":
            self._accept(number)
            yield Reported(request_id, body)
        elif headers.get(_NOT_STREAMED.lower(), "").lower() == "streaming":
            self._refuse(number, 400, "InvalidResponseMode", "answers are not streamed here")
            yield Streamed(request_id)
        elif len(body) > EVENT_LIMIT_BYTES:
            self._refuse(number, 413, "RequestEntityTooLarge", f"over {EVENT_LIMIT_BYTES} bytes")
            yield TooLarge(request_id, len(body))
        else:
            self._accept(number)
            yield Answered(request_id, body)

    def _accept(self, number: int) -> None:
        self._reply(number, 202, b'{"status":"OK"}', {"Content-Type": "application/json"})

    def _refuse(self, number: int, status: int, kind: str, words: str) -> None:
        said = json.dumps({"errorType": kind, "errorMessage": words}).encode()
        self._reply(number, status, said, {"Content-Type": "application/json"})

    def _reply(self, number: int, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        import h11

        connection = self._connections.get(number)
        if connection is None:
            return
        http = connection.http
        fields = [*headers.items(), ("Content-Length", str(len(body)))]
        said = http.send(h11.Response(status_code=status, headers=fields)) or b""
        said += http.send(h11.Data(data=body)) or b""
        said += http.send(h11.EndOfMessage()) or b""
        self._send(number, said)
        if http.our_state is h11.DONE and http.their_state is h11.DONE:
            http.start_next_cycle()
        elif http.our_state is h11.MUST_CLOSE:
            self.closed(number)
            self._hang_up(number)
