"""Where an index keeps its files: another origin, which lets in who holds a presigned URL.

As S3 does it, a request that says who it is besides is refused (`InvalidArgument`: only one auth
mechanism allowed).
"""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import cast
from urllib.parse import parse_qs, quote, unquote, urlsplit


class Storage:
    """`with Storage() as storage:`; `presign(path)` gives a URL of a file."""

    def __init__(self) -> None:
        self.signature = token_hex(16)
        self.files: dict[str, Path] = {}
        self.told: list[str] = []
        """Every `Authorization` that was sent here: there must be none."""
        self.ranges: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.storage = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Storage:
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

    def presign(self, path: Path) -> str:
        """A URL that is good by itself."""
        self.files[path.name] = path
        query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={self.signature}"
        return f"http://127.0.0.1:{self._server.server_port}/{quote(path.name)}?{query}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    storage: Storage


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        storage = cast(_Server, self.server).storage
        parts = urlsplit(self.path)
        if told := self.headers.get("Authorization"):
            storage.told.append(told)
            return self._answer(400, b"only one auth mechanism allowed", {})
        if parse_qs(parts.query).get("X-Amz-Signature") != [storage.signature]:
            return self._answer(403, b"no signature", {})
        data = storage.files[unquote(parts.path).strip("/")].read_bytes()
        asked = self.headers.get("Range", "")
        if found := re.fullmatch(r"bytes=(\d*)-(\d*)", asked):
            storage.ranges.append(asked)
            begin = int(found[1]) if found[1] else max(0, len(data) - int(found[2]))
            end = min(len(data), int(found[2]) + 1) if found[1] and found[2] else len(data)
            where = {"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}"}
            return self._answer(206, data[begin:end], where)
        self._answer(200, data, {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""
