"""Lambda's Runtime API, byte by byte: no socket, no process."""

from __future__ import annotations

import json

import pytest
from msgspec import Struct, field

from imagekit.local.runtime_api import (
    Answered,
    Event,
    Polled,
    Reported,
    RuntimeApi,
    Said,
    Streamed,
    TooLarge,
)
from imagekit.model.invocation import EVENT_LIMIT_BYTES

ROOT = "/2018-06-01/runtime"
EVENT = Event(
    request_id="id-1", body=b'{"n": 1}', deadline_ms=1_700_000_030_000, arn="arn:f", trace_id="R=1"
)


class Client(Struct, dict=True):
    """A runtime client's side of the bytes."""

    sent: dict[int, bytes] = field(default_factory=dict)
    hung_up: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = RuntimeApi(self._take, self.hung_up.append)

    def _take(self, number: int, data: bytes) -> None:
        self.sent[number] = self.sent.get(number, b"") + data

    def asks(
        self, number: int, method: str, path: str, body: bytes = b"", *more: str
    ) -> list[Said]:
        """One request, as awslambdaric's own client writes it."""
        headers = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1:9001", *more]
        if body and "Transfer-Encoding: chunked" not in more:
            headers.append(f"Content-Length: {len(body)}")
        return list(self.api.received(number, "\r\n".join([*headers, "", ""]).encode() + body))

    def hears(self, number: int) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what came back, and forget it."""
        head, _, body = self.sent.pop(number).partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return int(status.split()[1]), {name.lower(): value for name, _, value in pairs}, body


@pytest.fixture
def client() -> Client:
    """A client that has polled and was given an event."""
    found = Client()
    assert found.asks(1, "GET", f"{ROOT}/invocation/next") == [Polled()]
    assert found.sent == {}, "a poll waits"
    found.api.give(EVENT)
    return found


def test_poll_is_answered_with_the_event(client: Client) -> None:
    """The event's bytes, and every header that the API promises."""
    status, headers, body = client.hears(1)

    assert (status, body) == (200, b'{"n": 1}')
    assert headers["lambda-runtime-aws-request-id"] == "id-1"
    assert headers["lambda-runtime-deadline-ms"] == "1700000030000"
    assert headers["lambda-runtime-invoked-function-arn"] == "arn:f"
    assert headers["lambda-runtime-trace-id"] == "R=1"
    assert headers["content-length"] == "8"
    assert client.api.waiting is None


def test_answer_and_the_next_poll_on_one_connection(client: Client) -> None:
    """202, and the connection is kept: the poll after it waits again."""
    client.hears(1)
    assert client.asks(1, "POST", f"{ROOT}/invocation/id-1/response", b'"ok"') == [
        Answered("id-1", b'"ok"')
    ]
    assert client.hears(1)[0] == 202
    assert client.asks(1, "GET", f"{ROOT}/invocation/next") == [Polled()]
    assert client.api.waiting == 1


def test_chunked_answer_in_pieces(client: Client) -> None:
    """Curl sends some answers chunked; bytes come in any pieces, on another connection, too."""
    path = f"POST {ROOT}/invocation/id-1/response HTTP/1.1\r\nHost: x\r\n"
    data = (
        path + 'Transfer-Encoding: chunked\r\n\r\n3\r\n"o' + 'k\r\n1\r\n"\r\n0\r\n\r\n'
    ).encode()

    said = [one for at in range(len(data)) for one in client.api.received(2, data[at : at + 1])]

    assert said == [Answered("id-1", b'"ok"')]
    assert client.hears(2)[0] == 202


def test_errors_of_the_handler_and_of_init() -> None:
    """Both are taken as they are; INIT's has no request."""
    found = Client()
    report = b'{"errorType": "Runtime.ImportModuleError"}'
    assert found.asks(1, "POST", f"{ROOT}/init/error", report) == [Reported(None, report)]
    assert found.hears(1)[0] == 202
    found.asks(1, "GET", f"{ROOT}/invocation/next")
    found.api.give(EVENT)
    found.hears(1)
    said = found.asks(1, "POST", f"{ROOT}/invocation/id-1/error", b"{}")
    assert said == [Reported("id-1", b"{}")]


def test_answer_to_another_request_is_refused(client: Client) -> None:
    """One that is late, made up, or comes twice is not an answer."""
    client.hears(1)
    assert client.asks(1, "POST", f"{ROOT}/invocation/other/response", b"1") == []
    status, _, body = client.hears(1)
    assert (status, json.loads(body)["errorType"]) == (400, "InvalidRequestID")

    assert client.asks(1, "POST", f"{ROOT}/invocation/id-1/response", b"1") != []
    client.hears(1)
    assert client.asks(1, "POST", f"{ROOT}/invocation/id-1/response", b"1") == []
    assert client.hears(1)[0] == 400


def test_answer_over_the_limit(client: Client) -> None:
    """413, as Lambda has it; a byte less is taken."""
    client.hears(1)
    large = b"x" * (EVENT_LIMIT_BYTES + 1)
    assert client.asks(1, "POST", f"{ROOT}/invocation/id-1/response", large) == [
        TooLarge("id-1", len(large))
    ]
    assert client.hears(1)[0] == 413
    client.asks(1, "GET", f"{ROOT}/invocation/next")
    client.api.give(EVENT)
    client.hears(1)
    said = client.asks(1, "POST", f"{ROOT}/invocation/id-1/response", large[:-1])
    assert [type(one) for one in said] == [Answered]


def test_streams_are_refused(client: Client) -> None:
    """Clearly, and not taken for an answer."""
    client.hears(1)
    mode = "Lambda-Runtime-Function-Response-Mode: streaming"
    said = client.asks(1, "POST", f"{ROOT}/invocation/id-1/response", b"1", mode)

    assert said == [Streamed("id-1")]
    status, _, body = client.hears(1)
    assert (status, json.loads(body)["errorType"]) == (400, "InvalidResponseMode")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (f"GET {ROOT}/restore/next HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 404),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"POST /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"not HTTP at all\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_of_the_api(data: bytes, status: int) -> None:
    """A function may talk to loopback by mistake: it gets an answer, and nothing else happens."""
    found = Client()

    assert list(found.api.received(1, data)) == []
    assert found.hears(1)[0] == status
    assert found.api.waiting is None


def test_connection_that_is_not_to_be_kept() -> None:
    """What says `Connection: close` is hung up on once it was answered."""
    found = Client()
    found.asks(7, "POST", f"{ROOT}/init/error", b"{}", "Connection: close")

    assert found.hears(7)[0] == 202
    assert found.hung_up == [7]


def test_poll_whose_connection_ends_waits_no_more() -> None:
    """A process that died must not be given an event."""
    found = Client()
    found.asks(1, "GET", f"{ROOT}/invocation/next")
    found.api.closed(1)

    assert found.api.waiting is None
    with pytest.raises(ValueError, match="does not ask for work"):
        found.api.give(EVENT)
    found.asks(2, "GET", f"{ROOT}/invocation/next")
    found.api.forget()
    assert found.api.waiting is None
