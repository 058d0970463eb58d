"""A simple package index on loopback over a folder of wheels, which counts and can misbehave.

https://packaging.python.org/specifications/simple-repository-api: HTML and JSON (PEP 503, 691),
METADATA beside each wheel (PEP 658), range requests that can be turned off.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import socket
import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import cast
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from tests.services.storage import Storage
from tests.services.wheels import metadata_of

_JSON = "application/vnd.pypi.simple.v1+json"


class Fault(Struct, kw_only=True):
    """What happens to the next `times` requests whose path matches `path` (a regular expression).

    A status answers in place of the file; `cut_bytes` hangs up after that many bytes of it;
    `body` serves other bytes; `delay_seconds` waits first.
    """

    path: str
    times: int = 1
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cut_bytes: int | None = None
    body: bytes | None = None
    delay_seconds: float = 0


class Index:
    """`with Index(folder) as index:` then `index.url`; wheels may be added while it runs."""

    def __init__(
        self,
        *folders: Path,
        ranges: bool = True,
        metadata: bool = True,
        auth: tuple[str, str] | None = None,
        storage: Storage | None = None,
        tls: tuple[str, ssl.SSLContext] | None = None,
    ) -> None:
        """`auth` may be changed while it runs: then the old one has expired.

        With `storage`, files are redirected there, presigned. `tls` is the public host name and
        the context that speaks for it.
        """
        self.folders = folders
        self.ranges = ranges
        self.metadata = metadata
        self.auth = auth
        self.uses_left: int | None = None
        """How many more requests `auth` is good for; None: it does not expire."""
        self.refusal = 401
        """The status for who is not let in."""
        self.refused: Counter[str] = Counter()
        """How often each `Authorization` was refused, the empty one among them."""
        self.storage = storage
        self.requests: Counter[tuple[str, str]] = Counter()
        """How often each (method, path) was asked for."""
        self.whole: Counter[str] = Counter()
        """How often each file was asked for without a range."""
        self.sent_bytes: Counter[str] = Counter()
        """Bytes of body sent for each path."""
        self._faults: list[Fault] = []
        self._hashes: dict[Path, str] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.index = self
        self.origin = f"http://{self.host}"
        if tls is not None:
            self.origin = f"https://{tls[0]}"
            self._server.socket = tls[1].wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Index:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nobody is there any more; may be said twice."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    @property
    def host(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The index's root, without credentials."""
        return f"{self.origin}/simple/"

    @property
    def url_with_auth(self) -> str:
        """The root with the credentials it wants, as people write them in `UV_INDEX_URL`."""
        user, password = self.auth or ("", "")
        return self.url_as(user, password)

    def url_as(self, user: str, password: str) -> str:
        """The root with these credentials."""
        both = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return self.url.replace("://", f"://{both}@")

    def fault(self, fault: Fault) -> None:
        """Let the next matching requests go wrong."""
        with self._lock:
            self._faults.append(fault)

    def clear_faults(self) -> None:
        """Everything goes well again."""
        with self._lock:
            self._faults.clear()

    def downloads(self) -> dict[str, int]:
        """Wheel to how often it was asked for whole; ranges of it do not count."""
        return {name: count for name, count in self.whole.items() if name.endswith(".whl")}

    def forget(self) -> None:
        """Start counting anew."""
        self.requests.clear()
        self.whole.clear()
        self.sent_bytes.clear()

    def take_fault(self, path: str) -> Fault | None:
        """The fault that this request runs into, one of its times used up."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def wheels(self, project: str | None = None) -> list[Path]:
        """The wheels of a project (of all of them without one), sorted by name."""
        return sorted(
            path
            for folder in self.folders
            for path in folder.iterdir()
            if path.suffix == ".whl" and project in (None, _project(path))
        )

    def find(self, name: str) -> Path | None:
        """A file by its name."""
        return next((path for path in self.wheels() if path.name == name), None)

    def sha256(self, path: Path) -> str:
        """Of a wheel; kept, as wheels do not change while the index runs."""
        if path not in self._hashes:
            self._hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._hashes[path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    index: Index

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the test; what else goes wrong is said."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(cast(socket.socket, request), client_address)


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # else small answers wait for the client
    protocol_version = "HTTP/1.1"

    @property
    def _index(self) -> Index:
        return cast(_Server, self.server).index

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self._index.requests[self.command, path] += 1
        if not self._allowed():
            headers = {"WWW-Authenticate": 'Basic realm="index"'}
            return self._answer(self._index.refusal, b"who are you?", headers)
        if self.command == "GET" and "Range" not in self.headers:
            self._index.whole[path.removeprefix("/files/")] += 1
        fault = self._index.take_fault(path)
        if fault:
            time.sleep(fault.delay_seconds)
            if fault.status:
                return self._answer(fault.status, b"as asked", dict(fault.headers))
        match path.strip("/").split("/"):
            case ["simple"]:
                self._page("simple", (_project(path) for path in self._index.wheels()))
            case ["simple", project]:
                self._project(project)
            case ["files", name] if name.endswith(".whl.metadata"):
                wheel = self._index.find(name.removesuffix(".metadata"))
                self._answer(200, metadata_of(wheel), {}) if wheel else self._missing()
            case ["files", name]:
                self._file(name, fault)
            case _:
                self._missing()

    def _allowed(self) -> bool:
        index = self._index
        if index.auth is None:
            return True
        wanted = base64.b64encode(":".join(index.auth).encode()).decode()
        said = self.headers.get("Authorization", "")
        allowed = said == f"Basic {wanted}" and index.uses_left != 0
        if allowed and index.uses_left is not None:
            index.uses_left -= 1
        if not allowed:
            index.refused[said] += 1
        return allowed

    def _missing(self) -> None:
        self._answer(404, b"not here", {})

    def _page(self, title: str, names: Iterable[str]) -> None:
        unique = sorted(set(names))
        if self._wants_json():
            projects = [{"name": name} for name in unique]
            return self._json({"meta": {"api-version": "1.1"}, "projects": projects})
        links = "".join(f'<a href="/simple/{name}/">{name}</a>\n' for name in unique)
        self._html(title, links)

    def _project(self, project: str) -> None:
        wheels = self._index.wheels(project)
        if not wheels:
            return self._missing()
        if self._wants_json():
            return self._json(
                {
                    "meta": {"api-version": "1.1"},
                    "name": project,
                    "versions": sorted({path.name.split("-")[1] for path in wheels}),
                    "files": [self._described(path) for path in wheels],
                }
            )
        self._html(project, "".join(self._anchor(path) for path in wheels))

    def _described(self, path: Path) -> dict[str, object]:
        return {
            "filename": path.name,
            "url": f"{self._index.origin}/files/{quote(path.name)}",
            "hashes": {"sha256": self._index.sha256(path)},
            "size": path.stat().st_size,
            "core-metadata": self._index.metadata,
        }

    def _anchor(self, path: Path) -> str:
        metadata = ' data-core-metadata="true"' if self._index.metadata else ""
        url = f"/files/{quote(path.name)}#sha256={self._index.sha256(path)}"
        return f'<a href="{url}"{metadata}>{html.escape(path.name)}</a><br/>\n'

    def _file(self, name: str, fault: Fault | None) -> None:
        path = self._index.find(name)
        if path is None:
            return self._missing()
        if self._index.storage is not None:
            return self._answer(302, b"", {"Location": self._index.storage.presign(path)})
        body = fault.body if fault and fault.body is not None else path.read_bytes()
        headers = {"Accept-Ranges": "bytes"} if self._index.ranges else {}
        status, first, last = 200, 0, len(body)
        if self._index.ranges and (wanted := self._range(len(body))):
            status, (first, last) = 206, wanted
            headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(body)}"
        self._answer(status, body[first:last], headers, cut=fault.cut_bytes if fault else None)

    def _range(self, size: int) -> tuple[int, int] | None:
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not found:
            return None
        first, last = found.groups()
        if not first:
            return max(0, size - int(last)), size
        return int(first), min(size, int(last) + 1) if last else size

    def _wants_json(self) -> bool:
        return _JSON in self.headers.get("Accept", "")

    def _json(self, value: dict[str, object]) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": _JSON})

    def _html(self, title: str, links: str) -> None:
        page = (
            f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{links}</body></html>"
        )
        self._answer(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        sent = body if cut is None else body[:cut]
        self._index.sent_bytes[unquote(urlsplit(self.path).path)] += len(sent)
        self.wfile.write(sent)
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: requests are counted."""


def _project(wheel: Path) -> str:
    return re.sub(r"[-_.]+", "-", wheel.name.split("-")[0]).lower()
