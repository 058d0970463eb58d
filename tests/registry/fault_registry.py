"""A registry in memory that keeps the rules of the protocol, and can be told to misbehave.

It is real HTTP on loopback: it checks digests, sessions, tokens and what a manifest references as
ECR and distribution do, so a client that breaks a rule is refused here too. `Rules` says what kind
of registry it is; a `Fault` lets single requests go wrong. Blobs may
be redirected to a second host, which refuses any Authorization, as S3 does.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from types import TracebackType
from typing import Literal, Self
from urllib.parse import parse_qs

from msgspec import Struct

from tests.registry.server import Answer, Ask, Fault, HangUp, Server
from tests.services.front import Seen

__all__ = ["Fault", "FaultRegistry", "Rules", "Seen", "sha256"]

Mounts = Literal["all", "none", "referenced", "refused", "lies"]
_TAKEN = (
    "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten "
    "because the repository is immutable."
)
_NAME = r"/v2/(?P<name>.+)"


def sha256(data: bytes) -> str:
    """`sha256:…` of `data`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Rules(Struct, kw_only=True):
    """What kind of registry it is."""

    login: tuple[str, str] | None = None
    """User and password: asked for by Basic, or by the token service with `tokens`."""
    identity_token: str | None = None
    """What the token service exchanges on POST."""
    tokens: bool = False
    """Bearer tokens, each good for the scopes that were asked for."""
    denies_mount_scopes: bool = False
    """The token service refuses to let a token read a second repository."""
    mounts: Mounts = "all"
    """`referenced` is ECR's way (lambda_rules E14); `lies` says 201 and has nothing."""
    immutable: bool = False
    """Tags cannot be moved, said in ECR's words (E16)."""
    repositories: frozenset[str] | None = None
    """All that exist; uploads to others are hung up on (E2). None: any."""
    put_status: int = 201
    """What a finished upload is answered with (E3)."""
    redirects_blobs: bool = False
    """Blobs are read from another host."""
    says_digests: bool = True
    """Whether `Docker-Content-Digest` is sent, which the spec leaves open."""
    page: int = 1000
    """As many tags are listed at once."""


def refuse(status: int, code: str, message: str = "") -> Answer:
    """An error body as distribution-spec has it."""
    said = {"errors": [{"code": code, "message": message}]}
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(said).encode())


class FaultRegistry:
    """`with FaultRegistry() as registry:` then talk to `registry.host`."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.seen: list[Seen] = []
        self.storage_seen: list[Seen] = []
        self.tokens: dict[str, set[str]] = {}
        self._sessions: dict[str, str] = {}
        self._spoilt: set[str] = set()
        self._faults: list[Fault] = []
        self._storage_faults: list[Fault] = []
        self.lock = threading.RLock()
        self._front = Server(self.answer, self.note, self.take_fault)
        self._storage = Server(self._from_storage, self.storage_seen.append, self._storage_fault)

    def __enter__(self) -> Self:
        self._front.start()
        self._storage.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._front.stop()
        self._storage.stop()

    @property
    def host(self) -> str:
        """HOST:PORT to name in a reference."""
        return self._front.host

    @property
    def storage(self) -> str:
        """HOST:PORT that blobs are redirected to."""
        return self._storage.host

    def fault(self, fault: Fault, *, storage: bool = False) -> None:
        """Let the next matching requests go wrong, here or at the storage host."""
        (self._storage_faults if storage else self._faults).append(fault)

    def saw(self, method: str, path: str = "") -> list[Seen]:
        """Requests of `method` whose path (with its query) matches."""
        return [one for one in self.seen if one.method == method and re.search(path, one.path)]

    def forget(self) -> None:
        """Count anew; what is stored stays."""
        self.seen.clear()
        self.storage_seen.clear()

    def expire_tokens(self) -> None:
        """All tokens given out are worthless from now on."""
        self.tokens.clear()

    def hold(self, name: str, data: bytes) -> str:
        """Put a blob in a repository; its digest."""
        self.blobs.setdefault(name, {})[sha256(data)] = data
        return sha256(data)

    def hold_manifest(self, name: str, tag: str, media_type: str, data: bytes) -> str:
        """Put a manifest in a repository, whatever it references; its digest."""
        held = self.manifests.setdefault(name, {})
        held[tag] = held[sha256(data)] = (media_type, data)
        return sha256(data)

    def note(self, seen: Seen) -> None:
        """Remember a request."""
        with self.lock:
            self.seen.append(seen)

    def take_fault(self, method: str, path: str) -> Fault | None:
        """The fault that this request runs into, one of its times used up."""
        return self._take(self._faults, method, path)

    def _storage_fault(self, method: str, path: str) -> Fault | None:
        return self._take(self._storage_faults, method, path)

    def _take(self, faults: list[Fault], method: str, path: str) -> Fault | None:
        with self.lock:
            for fault in faults:
                if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def answer(self, ask: Ask) -> Answer:
        """What the registry says, as its rules have it."""
        if ask.path == "/token":
            return self._token(ask)
        for pattern, respond in (
            (rf"{_NAME}/tags/(?P<what>list)", self._tags),
            (rf"{_NAME}/manifests/(?P<what>[^/]+)", self._manifest),
            (rf"{_NAME}/blobs/uploads/(?P<what>[^/]*)", self._upload),
            (rf"{_NAME}/blobs/(?P<what>sha256:[0-9a-f]+)", self._blob),
        ):
            if found := re.fullmatch(pattern, ask.path):
                with self.lock:
                    return self._challenge(ask, found["name"]) or respond(ask, **found.groupdict())
        return refuse(404, "UNSUPPORTED")

    def _token(self, ask: Ask) -> Answer:
        rules, form = self.rules, parse_qs(ask.body.decode())
        if ask.method == "POST":
            allowed = form.get("refresh_token") == [rules.identity_token or ""]
            scopes = form["scope"][0].split()
        else:
            allowed = rules.login is None or ask.headers.get("authorization") == _basic(rules.login)
            scopes = ask.query.get("scope", [])
        if not allowed or (rules.denies_mount_scopes and len(scopes) > 1):
            return refuse(401, "UNAUTHORIZED", "not you")
        token = f"token-{len(self.seen)}"
        self.tokens[token] = {right for scope in scopes for right in _rights(scope)}
        said = {"token": token, "expires_in": 300}
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(said).encode())

    def _challenge(self, ask: Ask, name: str) -> Answer | None:
        said = ask.headers.get("authorization", "")
        refused = refuse(401, "UNAUTHORIZED", "authentication required")
        if self.rules.tokens:
            action = "pull" if ask.method in ("GET", "HEAD") else "push"
            needed = {f"{name} {action}"}
            if ask.first("from"):
                needed.add(f"{ask.first('from')} pull")
            if needed <= self.tokens.get(said.removeprefix("Bearer "), set()):
                return None
            refused.headers["WWW-Authenticate"] = (
                f'Bearer realm="http://{self.host}/token",service="tests",'
                f'scope="repository:{name}:{action}"'
            )
            return refused
        if self.rules.login is None or said == _basic(self.rules.login):
            return None
        refused.headers["WWW-Authenticate"] = 'Basic realm="tests"'
        return refused

    def _tags(self, ask: Ask, name: str, what: str) -> Answer:
        if name not in self.manifests:
            return refuse(404, "NAME_UNKNOWN")
        size = min(int(ask.first("n") or self.rules.page), self.rules.page)
        tags = sorted(tag for tag in self.manifests[name] if not tag.startswith("sha256:"))
        left = [tag for tag in tags if tag > ask.first("last")]
        body = json.dumps({"name": name, "tags": left[:size]}).encode()
        if len(left) <= size:
            return Answer(200, {"Content-Type": "application/json"}, body)
        link = f'</v2/{name}/tags/{what}?last={left[size - 1]}&n={size}>; rel="next"'
        return Answer(200, {"Content-Type": "application/json", "Link": link}, body)

    def _manifest(self, ask: Ask, name: str, what: str) -> Answer:
        held = self.manifests.setdefault(name, {})
        if ask.method == "PUT":
            return self._put_manifest(ask, name, what)
        if what not in held:
            return refuse(404, "MANIFEST_UNKNOWN")
        media_type, data = held[what]
        return Answer(200, {"Content-Type": media_type, **self._says(sha256(data))}, data)

    def _put_manifest(self, ask: Ask, name: str, what: str) -> Answer:
        held = self.manifests[name]
        found = json.loads(ask.body)
        config = [found["config"]] if "config" in found else []
        named = {blob["digest"] for blob in (*found.get("layers", ()), *config)}
        if named - set(self.blobs.get(name, {})):
            return refuse(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
        digest = sha256(ask.body)
        if self.rules.immutable and what in held and held[what][1] != ask.body:
            return refuse(400, "TAG_INVALID", _TAKEN.format(tag=what, name=name))
        held[what] = held[digest] = (ask.headers["content-type"], ask.body)
        return Answer(201, self._says(digest))

    def _blob(self, ask: Ask, name: str, what: str) -> Answer:
        data = self.blobs.get(name, {}).get(what)
        if data is None:
            return refuse(404, "BLOB_UNKNOWN")
        if self.rules.redirects_blobs and ask.method == "GET":
            signed = f"http://{self.storage}/{name}/{what}?X-Amz-Signature=s"
            return Answer(307, {"Location": signed})
        return Answer(200, {"Content-Type": "application/octet-stream", **self._says(what)}, data)

    def _upload(self, ask: Ask, name: str, what: str) -> Answer:
        known = self.rules.repositories
        if known is not None and name not in known:
            raise HangUp
        if ask.method == "POST":
            return self._open(ask, name)
        return self._finish(ask, name, what)

    def _open(self, ask: Ask, name: str) -> Answer:
        digest, source = ask.first("mount"), ask.first("from")
        if digest and self.rules.mounts == "refused":
            return refuse(405, "UNSUPPORTED", "no mounts here")
        if digest and self._may_mount(digest, source):
            if self.rules.mounts != "lies":
                self.hold(name, self.blobs[source][digest])
            return Answer(201, {"Location": f"/v2/{name}/blobs/{digest}", **self._says(digest)})
        session = f"s{len(self._sessions)}"
        self._sessions[session] = name
        return Answer(202, {"Location": f"/v2/{name}/blobs/uploads/{session}?_state=secret"})

    def _may_mount(self, digest: str, source: str) -> bool:
        if self.rules.mounts == "lies":
            return True
        if self.rules.mounts == "none" or digest not in self.blobs.get(source, {}):
            return False
        manifests = self.manifests.get(source, {}).values()
        return self.rules.mounts == "all" or any(digest.encode() in data for _, data in manifests)

    def _finish(self, ask: Ask, name: str, session: str) -> Answer:
        if self._sessions.get(session) != name:
            return refuse(404, "BLOB_UPLOAD_UNKNOWN")
        if session in self._spoilt:
            return refuse(416, "BLOB_UPLOAD_INVALID", "First byte of the layer part …")
        self._spoilt.add(session)
        digest = ask.first("digest")
        if sha256(ask.body) != digest:
            return refuse(400, "DIGEST_INVALID")
        self.hold(name, ask.body)
        return Answer(self.rules.put_status, {"Location": f"/v2/{name}/blobs/{digest}"})

    def _says(self, digest: str) -> dict[str, str]:
        return {"Docker-Content-Digest": digest} if self.rules.says_digests else {}

    def _from_storage(self, ask: Ask) -> Answer:
        if "authorization" in ask.headers:
            return Answer(400, {}, b"<Error><Code>InvalidArgument</Code></Error>")
        name, _, digest = ask.path.strip("/").rpartition("/")
        if ask.method == "PUT":
            self.hold(name, ask.body)
            return Answer(201)
        return Answer(200, {}, self.blobs[name][digest])


def _basic(login: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(login).encode()).decode()


def _rights(scope: str) -> set[str]:
    _, name, actions = scope.split(":")
    return {f"{name} {action}" for action in actions.split(",")}
