"""The data plane of the ECR front: one registry of one account and region, as Docker speaks to it.

Blobs lie in the reference registry. Manifests, tags and who may mount what are the front's own,
by the rules of lambda_rules.md, section 5; each is named where it is kept.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct, field

from tests.services.front import Fault, Seen
from tests.services.trouble import WRONG, Kind, calm

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_PATH = re.compile(r"/v2/(?P<name>.+?)/(?P<kind>manifests|blobs|tags)/(?P<rest>.+)")


class Image(Struct, kw_only=True):
    """A manifest, its tags, and when it came."""

    digest: str
    media_type: str
    data: bytes
    pushed: float
    tags: set[str] = field(default_factory=set)
    archived: bool = False

    @property
    def blobs(self) -> list[str]:
        """What it references: config and layers."""
        found = json.loads(self.data)
        parts = (*found.get("layers", ()), *([found["config"]] if "config" in found else ()))
        return [part["digest"] for part in parts]

    @property
    def subject(self) -> str | None:
        """The image that it is a document of."""
        return cast("str | None", json.loads(self.data).get("subject", {}).get("digest"))


class Stored(Struct, kw_only=True):
    """A repository: what CreateRepository said of it, and its images by digest."""

    mutability: str = "MUTABLE"
    exclusions: tuple[str, ...] = ()
    encryption: tuple[str, str] = ("AES256", "")
    images: dict[str, Image] = field(default_factory=dict)

    def immutable(self, tag: str) -> bool:
        """Whether the tag may not be moved (E16)."""
        excluded = any(fnmatchcase(tag, one) for one in self.exclusions)
        return self.mutability.startswith("IMMUTABLE") != excluded

    def tagged(self, tag: str) -> Image | None:
        """The image of that tag."""
        return next((one for one in self.images.values() if tag in one.tags), None)


class EcrRegistry:
    """One registry, on a port of its own; `storage` is `HOST:PORT` of the reference registry.

    Its blobs lie there below `room`, which is its own: no test finds what another one left.
    """

    def __init__(self, account: str, region: str, storage: str, room: str) -> None:
        self.account, self.region, self.storage, self.room = account, region, storage, room
        self.repositories: dict[str, Stored] = {}
        self.templates: dict[str, Stored] = {}
        """Creation templates with CREATE_ON_PUSH, by prefix (E2)."""
        self.caches: tuple[str, ...] = ()
        """Prefixes of pull-through caches."""
        self.mounting = False
        """The account setting BLOB_MOUNTING (E13)."""
        self.unknown: Literal["drop", "404"] = "404"
        """What reading from an unknown repository gives; writing always breaks off (E2)."""
        self.tokens: set[str] = set()
        self.expired: set[str] = set()
        self.seen: list[Seen] = []
        self.busy = self.busiest = 0
        self.spoilt: set[str] = set()
        self.expires_after: int | None = None
        """So many requests from now every token expires (E1)."""
        self.tidies = 0
        """So many manifests find their new blobs cleaned up (E12)."""
        self.trouble: Callable[[str], Kind] = calm
        self.lock = threading.RLock()
        self._faults: list[Fault] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def host(self) -> str:
        """As references name it."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"

    @property
    def url(self) -> str:
        """Where it really is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def token(self) -> str:
        """A new one, as GetAuthorizationToken gives it; good until `expire`."""
        token = secrets.token_hex(8)
        self.tokens.add(token)
        return base64.b64encode(f"AWS:{token}".encode()).decode()

    def expire(self) -> None:
        """Twelve hours have passed (E1)."""
        self.expired.update(self.tokens)
        self.tokens.clear()

    def count(self) -> None:
        """One more request came in."""
        with self.lock:
            if self.expires_after is not None:
                self.expires_after -= 1
                if self.expires_after < 0:
                    self.expires_after = None
                    self.expire()

    def fault(self, fault: Fault) -> None:
        """Let the next matching requests go wrong."""
        self._faults.append(fault)

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request runs into."""
        if (kind := self.trouble(f"{method} {path}")) != "none":
            return _fault(kind, method, path)
        with self.lock:
            for fault in self._faults:
                if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def saw(self, method: str, path: str = "") -> list[Seen]:
        """Requests of `method` whose path matches."""
        return [each for each in self.seen if each.method == method and re.search(path, each.path)]

    def upstream(self, name: str) -> str:
        """The repository of the reference registry that has the blobs of `name`."""
        return f"{self.room}/{self.account}/{self.region}/{name}"

    def ask(self, method: str, path: str, body: bytes = b"", headers: Any = None) -> Answer:
        """Ask the reference registry."""
        connection = http.client.HTTPConnection(self.storage, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
            return Answer(answer.status, kept, answer.read(), answer.getheader("Content-Length"))
        finally:
            connection.close()

    def add(self, name: str, document: dict[str, Any], *tags: str, days: float = 9) -> str:
        """An image that somebody pushed `days` ago, its blobs left out; its digest."""
        kind = INDEXES[1] if "manifests" in document else OCI
        data = json.dumps({"schemaVersion": 2, "mediaType": kind, **document}).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        pushed = time.time() - days * 24 * 3600
        self.repositories[name].images[digest] = Image(
            digest=digest, media_type=kind, data=data, pushed=pushed, tags=set(tags)
        )
        return digest

    def has_blob(self, name: str, digest: str) -> bool:
        """Whether the blob is in the repository."""
        return self.ask("HEAD", f"/v2/{self.upstream(name)}/blobs/{digest}").status == 200

    def tidy(self, name: str, digests: Iterable[str]) -> None:
        """Clean up what no image references, as ECR may at any time (E12)."""
        held = {blob for image in self.repositories[name].images.values() for blob in image.blobs}
        for digest in set(digests) - held:
            self.ask("DELETE", f"/v2/{self.upstream(name)}/blobs/{digest}")

    def mountable(self, digest: str, source: str, target: str) -> bool:
        """Whether ECR would mount (E13, E14)."""
        found, into = self.repositories.get(source), self.repositories[target]
        if not self.mounting or found is None or found.encryption != into.encryption:
            return False
        if any(source.startswith(f"{prefix}/") for prefix in self.caches):
            return False
        return any(digest in image.blobs for image in found.images.values())

    def missing(self, name: str, image: Image) -> list[str]:
        """What the manifest references and the repository lacks (E11)."""
        if image.media_type in INDEXES:
            children = [one["digest"] for one in json.loads(image.data)["manifests"]]
            return [one for one in children if one not in self.repositories[name].images]
        return [one for one in image.blobs if not self.has_blob(name, one)]

    def find(self, name: str, reference: str) -> Image | None:
        """By digest or by tag."""
        stored = self.repositories[name]
        return stored.images.get(reference) if ":" in reference else stored.tagged(reference)

    def template(self, name: str) -> Stored | None:
        """What a push makes of `name`, where a template says so."""
        fits = [one for one in self.templates if one == "ROOT" or name.startswith(f"{one}/")]
        return self.templates[max(fits, key=len)] if fits else None


class Answer(Struct):
    """What goes back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: str | None = None


def _fault(kind: Kind, method: str, path: str) -> Fault:
    """Trouble, as this registry has it."""
    match kind:
        case "before" | "after":
            return Fault(method=method, hang_up=kind)
        case "digest" if "/blobs/sha256:" in path:
            return Fault(method=method, status=200, body=b"other bytes")
        case "digest":
            return Fault(method=method, digest=WRONG)
        case _:
            return Fault(method=method, status=int(kind))


class _Drop(Exception):
    """Close the connection without a word."""


def refuse(status: int, code: str, message: str) -> Answer:
    """An error as distribution-spec has it."""
    said = {"errors": [{"code": code, "message": message}]}
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(said).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    registry: EcrRegistry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        registry = cast(_Server, self.server).registry
        fault = registry.take_fault(self.command, self.path)
        if fault and fault.hang_up == "before":
            return self._drop(registry, b"")
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if fault and fault.status:
                answer = Answer(fault.status, dict(fault.headers), fault.body or b"")
            else:
                answer = self._answer(registry, sent)
        except _Drop:
            return self._drop(registry, sent)
        if fault and fault.hang_up == "after":
            return self._drop(registry, sent)
        if fault and fault.digest:
            answer.headers["Docker-Content-Digest"] = fault.digest
        self._note(registry, answer.status, sent)
        self._reply(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _answer(self, registry: EcrRegistry, sent: bytes) -> Answer:
        registry.count()
        if refused := self._unauthorized(registry):
            return refused
        parts = urlsplit(self.path)
        found = _PATH.fullmatch(parts.path)
        if found is None:
            return Answer(200 if parts.path == "/v2/" else 404)
        name, rest = found["name"], found["rest"]
        if name not in registry.repositories and (refused := self._no_repository(registry, name)):
            return refused
        if found["kind"] == "tags":
            return self._tags(registry, name)
        if found["kind"] == "manifests":
            return self._manifests(registry, name, rest, sent)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        return self._blobs(registry, name, query, sent)

    def _unauthorized(self, registry: EcrRegistry) -> Answer | None:
        scheme, _, told = self.headers.get("Authorization", "").partition(" ")
        user, _, token = base64.b64decode(told or "").decode().partition(":")
        if scheme == "Basic" and user == "AWS" and token in registry.tokens:
            return None
        if token in registry.expired:
            what = "Your authorization token has expired. Reauthenticate and try again."
            return refuse(403, "DENIED", what)
        answer = refuse(401, "UNAUTHORIZED", "no basic auth credentials")
        answer.headers["WWW-Authenticate"] = (
            f'Basic realm="https://{registry.host}/",service="ecr.amazonaws.com"'
        )
        return answer

    def _no_repository(self, registry: EcrRegistry, name: str) -> Answer | None:
        writes = self.command in ("POST", "PUT", "PATCH")
        template = registry.template(name)
        if writes and template is not None:
            registry.repositories[name] = Stored(
                mutability=template.mutability, encryption=template.encryption
            )
            return None
        if writes or registry.unknown == "drop":
            raise _Drop
        what = (
            f"The repository with name '{name}' does not exist in the registry with id "
            f"'{registry.account}'"
        )
        return refuse(404, "NAME_UNKNOWN", what)

    def _tags(self, registry: EcrRegistry, name: str) -> Answer:
        images = registry.repositories[name].images.values()
        said = {"name": name, "tags": sorted(tag for one in images for tag in one.tags)}
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(said).encode())

    def _manifests(self, registry: EcrRegistry, name: str, reference: str, sent: bytes) -> Answer:
        if self.command == "PUT":
            return self._put_manifest(registry, name, reference, sent)
        image = registry.find(name, reference)
        if image is None:
            return refuse(404, "MANIFEST_UNKNOWN", "Requested image not found")
        data, kind = image.data, image.media_type
        accept = self.headers.get("Accept", "")
        if ":" not in reference and kind not in accept and kind in (DOCKER, OCI):
            # By tag ECR translates what the client does not take (E18).
            kind = OCI if kind == DOCKER else DOCKER
            data = json.dumps({**json.loads(data), "mediaType": kind}).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        headers = {"Content-Type": kind, "Docker-Content-Digest": digest}
        return Answer(200, headers, data)

    def _put_manifest(
        self, registry: EcrRegistry, name: str, reference: str, sent: bytes
    ) -> Answer:
        kind = self.headers.get("Content-Type", "")
        inside = json.loads(sent).get("mediaType")
        if kind not in (DOCKER, OCI, *INDEXES) or (inside is not None and inside != kind):
            # E10 and E19: neither a type that is missing nor one with parameters.
            what = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: "
            return refuse(405, "UNSUPPORTED", f"{what}'Invalid JSON syntax'")
        digest = f"sha256:{hashlib.sha256(sent).hexdigest()}"
        image = Image(digest=digest, media_type=kind, data=sent, pushed=time.time())
        stored = registry.repositories[name]
        with registry.lock:
            if registry.tidies:
                registry.tidies -= 1
                registry.tidy(name, image.blobs)
            if missing := registry.missing(name, image):
                what = f"Layers with digests '{missing}' required for pushing image do not exist"
                return refuse(400, "MANIFEST_BLOB_UNKNOWN", what)
            if ":" not in reference:
                named = stored.tagged(reference)
                if named is not None and stored.immutable(reference):
                    what = (
                        f"The image tag '{reference}' already exists in the '{name}' repository "
                        "and cannot be overwritten because the tag is immutable."
                    )
                    return refuse(400, "TAG_INVALID", what)
                if named is not None:
                    named.tags.discard(reference)
            kept = stored.images.setdefault(digest, image)
            if ":" not in reference:
                kept.tags.add(reference)
        return Answer(201, {"Docker-Content-Digest": digest})

    def _blobs(
        self, registry: EcrRegistry, name: str, query: dict[str, str], sent: bytes
    ) -> Answer:
        path = self.path.replace(f"/v2/{name}/", f"/v2/{registry.upstream(name)}/", 1)
        if self.command == "POST":
            path = f"/v2/{registry.upstream(name)}/blobs/uploads/"
            source = query.get("from")
            if source and registry.mountable(query["mount"], source, name):
                path += f"?mount={query['mount']}&from={registry.upstream(source)}"
        elif self.command in ("PUT", "PATCH"):
            return self._upload(registry, name, path, sent)
        return self._passed(registry, name, registry.ask(self.command, path, sent))

    def _upload(self, registry: EcrRegistry, name: str, path: str, sent: bytes) -> Answer:
        session = path.partition("?")[0]
        with registry.lock:
            if session in registry.spoilt:
                return refuse(416, "BLOB_UPLOAD_INVALID", "First byte of the layer part …")
            registry.spoilt.add(session)  # A session that has bytes cannot be started again (E5).
            registry.busy += 1
            registry.busiest = max(registry.busiest, registry.busy)
        try:
            headers = {"Content-Type": "application/octet-stream"}
            answer = registry.ask(self.command, path, sent, headers)
        finally:
            with registry.lock:
                registry.busy -= 1
        if self.command == "PATCH":
            # E3, E4: another status than the spec's, and a range that never grows.
            answer.status = 201
            answer.headers["Range"] = "0-0"
        return self._passed(registry, name, answer)

    def _passed(self, registry: EcrRegistry, name: str, answer: Answer) -> Answer:
        """The reference registry's answer, in which ECR names itself."""
        if location := answer.headers.get("Location"):
            parts = urlsplit(location)
            path = parts.path.replace(f"/v2/{registry.upstream(name)}/", f"/v2/{name}/", 1)
            answer.headers["Location"] = f"https://{registry.host}{path}?{parts.query}"
        return answer

    def _note(self, registry: EcrRegistry, status: int, sent: bytes) -> None:
        registry.seen.append(
            Seen(
                method=self.command,
                path=self.path,
                status=status,
                sent_bytes=len(sent),
                headers={name.lower(): value for name, value in self.headers.items()},
            )
        )

    def _drop(self, registry: EcrRegistry, sent: bytes) -> None:
        self._note(registry, 0, sent)
        self.close_connection = True

    def _reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        is_head = self.command == "HEAD"
        size = answer.size if is_head and answer.size else str(len(answer.body))
        self.send_header("Content-Length", size)
        self.end_headers()
        if not is_head:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: requests are recorded."""
