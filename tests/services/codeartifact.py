"""CodeArtifact's one call that imagekit makes, which moto 5 does not know: GetAuthorizationToken.

https://docs.aws.amazon.com/codeartifact/latest/APIReference/API_GetAuthorizationToken.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast
from urllib.parse import parse_qs, urlsplit


class CodeArtifact(ThreadingHTTPServer):
    """Gives a new token with each call, and counts them."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, issued: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.issued = issued
        self.tokens: list[str] = []
        self.asked: list[tuple[str, str]] = []
        """Domain and owner of each call."""
        self.scopes: list[str] = []
        """The credential scope that each call was signed for."""
        self.refusal: str | None = None
        """The code of the error to answer with."""

    @property
    def url(self) -> str:
        """For AWS_ENDPOINT_URL_CODEARTIFACT."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(CodeArtifact, self.server)
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        assert parts.path == "/v1/authorization-token", self.path
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.asked.append((query["domain"][0], query["domain-owner"][0]))
        server.scopes.append(self.headers.get("Authorization", ""))
        if server.refusal:
            return self._answer(403, {"__type": server.refusal, "message": "no"})
        token = f"codeartifact-token-number-{len(server.tokens) + 1}-of-this-run"
        server.tokens.append(token)
        server.issued(token)
        self._answer(200, {"authorizationToken": token, "expiration": 2000000000})

    def _answer(self, status: int, value: dict[str, object]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("x-amzn-ErrorType", str(value.get("__type", "")))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def codeartifact(issued: Callable[[str], None] = lambda _: None) -> Iterator[CodeArtifact]:
    """It runs until the block ends; `issued` is told of each token."""
    with CodeArtifact(issued) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
