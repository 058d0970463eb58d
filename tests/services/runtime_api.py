"""Lambda's Runtime API on loopback: what `awslambdaric` polls, answers and reports errors to.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import cast

from msgspec import Struct, field

_PREFIX = "/2018-06-01/runtime"


class InitFailed(Exception):
    """The function's code could not be loaded; holds what the runtime client reported."""


class NoAnswer(Exception):
    """Nothing came back within the bound."""


class Answer(Struct, frozen=True, kw_only=True):
    """What the function made of one event; `error` is the runtime's report, `body` the result."""

    request_id: str
    body: object = None
    error: dict[str, object] | None = None


class Recorded(Struct):
    """All that came in, in order."""

    polls: int = 0
    user_agents: list[str] = field(default_factory=list)
    init_errors: list[dict[str, object]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


class RuntimeApi:
    """`with RuntimeApi() as api:` then `api.invoke(event)`; `api.address` is HOST:PORT."""

    def __init__(self) -> None:
        self.recorded = Recorded()
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._stopped = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> RuntimeApi:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """What AWS_LAMBDA_RUNTIME_API holds."""
        return f"127.0.0.1:{self._server.server_port}"

    def put(self, event: object) -> str:
        """Queue an event for the next poll; its request id."""
        request_id = str(uuid.uuid4())
        self._events.put((request_id, json.dumps(event).encode()))
        return request_id

    def wait(self, *, seconds: float = 60) -> Answer:
        """The next answer; InitFailed or NoAnswer where none comes within `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.recorded.init_errors:
                raise InitFailed(json.dumps(self.recorded.init_errors[-1], indent=1))
            try:
                return self._answers.get(timeout=0.05)
            except queue.Empty:
                continue
        raise NoAnswer(f"no answer in {seconds} s; {self.recorded.polls} polls")

    def invoke(self, event: object, *, seconds: float = 60) -> Answer:
        """Put `event` and wait for the answer."""
        self.put(event)
        return self.wait(seconds=seconds)

    def next_event(self) -> tuple[str, bytes] | None:
        """Block until there is an event; None once the server stops."""
        self.recorded.polls += 1
        while not self._stopped.is_set():
            try:
                return self._events.get(timeout=0.1)
            except queue.Empty:
                continue
        return None

    def answered(self, answer: Answer) -> None:
        """Keep what the function answered."""
        self.recorded.answers.append(answer)
        self._answers.put(answer)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    api: RuntimeApi


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # else small answers wait for the client
    protocol_version = "HTTP/1.1"

    @property
    def _api(self) -> RuntimeApi:
        return cast(_Server, self.server).api

    def do_GET(self) -> None:
        self._api.recorded.user_agents.append(self.headers.get("User-Agent", ""))
        if self.path != f"{_PREFIX}/invocation/next":
            return self._say(404, {"errorMessage": f"no such path: {self.path}"})
        event = self._api.next_event()
        if event is None:
            return self._say(500, {"errorMessage": "stopping"})
        request_id, body = event
        self._send(
            200,
            body,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 60) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": (
                    "arn:aws:lambda:eu-central-1:123456789012:function:test"
                ),
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self.path.removeprefix(_PREFIX).strip("/").split("/"):
            case ["init", "error"]:
                self._api.recorded.init_errors.append(_object(body))
            case ["invocation", request_id, "response"]:
                self._api.answered(Answer(request_id=request_id, body=json.loads(body)))
            case ["invocation", request_id, "error"]:
                self._api.answered(Answer(request_id=request_id, error=_object(body)))
            case _:
                return self._say(404, {"errorMessage": f"no such path: {self.path}"})
        self._say(202, {"status": "OK"})

    def _say(self, status: int, value: dict[str, str]) -> None:
        self._send(status, json.dumps(value).encode(), {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Type": "application/json"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what came in is recorded."""


def _object(body: bytes) -> dict[str, object]:
    value = json.loads(body or b"{}")
    return value if isinstance(value, dict) else {"errorMessage": value}
