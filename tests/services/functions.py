"""Lambda's reading calls over a list of functions, page by page: what moto does not do.

moto gives all functions at once and makes digests up; here a version runs the image it names.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct, field

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/")
_ROOT = "/2015-03-31/functions"


class Version(Struct, kw_only=True):
    """One version of an image function, `$LATEST` included."""

    name: str
    version: str = "$LATEST"
    image: str = ""
    """By digest, as ResolvedImageUri has it; empty for a ZIP."""
    code: str | None = None
    """CodeSha256, where it is not the image's digest."""
    architecture: str = "x86_64"
    aliases: tuple[str, ...] = ()

    def said(self) -> dict[str, Any]:
        """FunctionConfiguration."""
        code = self.code if self.code is not None else self.image.partition("@sha256:")[2]
        return {
            "FunctionName": self.name,
            "FunctionArn": f"arn:aws:lambda:eu-west-1:123456789012:function:{self.name}",
            "Version": self.version,
            "PackageType": "Image" if self.image else "Zip",
            "CodeSha256": code or "zip=",
            "Architectures": [self.architecture],
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }


class Functions(Struct):
    """`with Functions([...]) as functions:`; `AWS_ENDPOINT_URL_LAMBDA` is `functions.url`."""

    versions: list[Version] = field(default_factory=list)
    page: int = 2
    calls: list[str] = field(default_factory=list)
    by_key: dict[str, list[Version]] = field(default_factory=dict)
    """Other accounts' versions, by access key."""
    refused: set[str] = field(default_factory=set)
    """Access keys that may not read."""
    throttled: int = 0
    """So many calls are throttled."""
    _server: _Server | None = None

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.functions = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Of the API."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    functions: Functions


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True  # else small answers wait for the client
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        functions = cast(_Server, self.server).functions
        scope = _SCOPE.search(self.headers.get("Authorization", ""))
        key = scope["key"] if scope else ""
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        functions.calls.append(f"{key} {unquote(self.path)}")
        if functions.throttled:
            functions.throttled -= 1
            return self._reply(429, {"message": "Rate exceeded"}, "TooManyRequestsException")
        if key in functions.refused:
            said = f"User: arn:aws:iam::1:user/{key} is not authorized to perform: lambda:Read"
            return self._reply(403, {"Message": said}, "AccessDeniedException")
        known = functions.by_key.get(key, functions.versions)
        name, _, rest = unquote(parts.path).removeprefix(_ROOT).strip("/").partition("/")
        own = [one for one in known if one.name == name]
        if name and not own:
            said = f"Function not found: {name}"
            return self._reply(404, {"Message": said, "Type": "User"}, "ResourceNotFoundException")
        if not name:
            latest = [one for one in known if one.version == "$LATEST"]
            return self._page(functions, latest, query, "Functions")
        if rest == "versions":
            return self._page(functions, own, query, "Versions")
        self._one(own, rest, query)

    def _one(self, own: list[Version], rest: str, query: dict[str, str]) -> None:
        wanted = rest.removeprefix("aliases/") or query.get("Qualifier", "$LATEST")
        found = next((one for one in own if wanted in (one.version, *one.aliases)), None)
        if found is None:
            return self._reply(404, {"Message": "not found"}, "ResourceNotFoundException")
        if rest:
            said: dict[str, Any] = {"Name": wanted, "FunctionVersion": found.version}
            return self._reply(200, said)
        code = {"ImageUri": found.image, "ResolvedImageUri": found.image} if found.image else {}
        self._reply(200, {"Configuration": found.said(), "Code": code})

    def _page(
        self, functions: Functions, found: list[Version], query: dict[str, str], name: str
    ) -> None:
        start = int(query.get("Marker", "0"))
        end = start + functions.page
        said: dict[str, Any] = {name: [one.said() for one in found[start:end]]}
        self._reply(200, said | ({"NextMarker": str(end)} if end < len(found) else {}))

    def _reply(self, status: int, said: dict[str, Any], code: str = "") -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if code:
            self.send_header("x-amzn-ErrorType", code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: calls are recorded."""
