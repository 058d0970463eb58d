"""Lambda's Invoke over HTTP, on loopback: where AWS's own emulator has it, and its SDKs ask.

docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
github.com/aws/aws-lambda-runtime-interface-emulator
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import unquote

from imagekit.local.served import Served
from imagekit.model.errors import UsageError
from imagekit.model.invocation import EVENT_LIMIT_BYTES

ONLY = "function"
"""What AWS's emulator calls whatever it runs."""

_PATH = re.compile(r"/2015-03-31/functions/(?P<name>[^/]+)/invocations/?(\?.*)?")
_LOG_BYTES = 4096


def path_of(name: str) -> str:
    """Where a function is invoked."""
    return f"/2015-03-31/functions/{name}/invocations"


class Emulator:
    """`start` it, `stop` it; several functions, each under its name, the first as `function`."""

    def __init__(self, port: int) -> None:
        """UsageError where the port is taken."""
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise UsageError(
                what=f"port {port} cannot be had", hint="another one: `--port 0` takes any"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self, functions: Mapping[str, Served]) -> None:
        """Answer from now on; the mapping may change while it runs."""
        self._server.functions = functions
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    functions: Mapping[str, Served]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Invoke; RequestResponse, Event or DryRun."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}"
        found = self._function()
        if found is None:
            return
        if len(body) > EVENT_LIMIT_BYTES:
            said = f"Request must be smaller than {EVENT_LIMIT_BYTES} bytes for the InvokeFunction"
            return self._refuse(413, "RequestTooLargeException", said)
        try:
            json.loads(body)
        except ValueError as error:
            said = f"Could not parse request body into json: {error}"
            return self._refuse(400, "InvalidRequestContentException", said)
        match self.headers.get("X-Amz-Invocation-Type", "RequestResponse"):
            case "DryRun":
                self._send(204, b"", {})
            case "Event":
                threading.Thread(target=found.invoke, args=(body,), daemon=True).start()
                self._send(202, b"", {})
            case _:
                self._answer(found, body)

    def _answer(self, function: Served, body: bytes) -> None:
        invocation = function.invoke(body)
        headers = {"X-Amz-Executed-Version": "$LATEST", "Content-Type": "application/json"}
        headers["X-Amzn-RequestId"] = invocation.request_id
        if invocation.failure is not None:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if self.headers.get("X-Amz-Log-Type") == "Tail":
            log = function.log.tail().encode()[-_LOG_BYTES:]
            headers["X-Amz-Log-Result"] = base64.b64encode(log).decode()
        self._send(200, invocation.payload, headers)

    def _function(self) -> Served | None:
        functions = cast(_Server, self.server).functions
        found = _PATH.fullmatch(self.path)
        if found is None:
            self._refuse(404, "ResourceNotFoundException", f"there is no {self.path}")
            return None
        # A name, name:alias, or an ARN, which ends with one of them.
        name = unquote(found["name"]).rpartition(":function:")[2].partition(":")[0]
        if name in functions:
            return functions[name]
        if name == ONLY:
            return next(iter(functions.values()))
        known = ", ".join(functions)
        self._refuse(404, "ResourceNotFoundException", f"Function not found: {name} ({known})")
        return None

    def _refuse(self, status: int, kind: str, words: str) -> None:
        body = json.dumps({"Type": "User", "Message": words}).encode()
        headers = {"x-amzn-ErrorType": kind, "Content-Type": "application/json"}
        self._send(status, body, headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: functions have their own log."""
