"""ECR on this machine: moto's API and the reference registry, made to behave like AWS.

    with EcrFront(storage="127.0.0.1:5000", moto="http://127.0.0.1:5001") as aws:
        run imagekit with `aws.env` and repositories on `aws.registry(ACCOUNT, REGION).host`

moto keeps repositories and their policies. Images are the front's: what was pushed to a registry is
what DescribeImages lists and BatchDeleteImage deletes. Services other than ECR go on to moto.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs

from msgspec import Struct

from tests.services.ecr_registry import EcrRegistry, Image, Stored
from tests.services.moto import ACCOUNT
from tests.services.trouble import Kind, calm

KEY = "AKIATESTSTESTSTESTS0"
REGION = "eu-west-1"
_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")
_PART_BYTES = 20_971_520


class Called(Struct, frozen=True, kw_only=True):
    """One call to AWS."""

    service: str
    action: str
    """As IAM names it, without the service."""
    account: str
    region: str
    body: dict[str, Any]


class Refusal(Struct, kw_only=True):
    """AWS says no to the next `times` calls of `action`."""

    action: str
    code: str
    message: str = "no"
    times: int = 99
    account: str | None = None
    """Where only one account's calls are refused."""


_NUMBERS = itertools.count()


class EcrFront:
    """AWS as far as images need it; every call and every request to a registry is recorded."""

    def __init__(self, *, storage: str, moto: str) -> None:
        self.storage, self.moto = storage, moto
        self._number = next(_NUMBERS)
        self.calls: list[Called] = []
        self.accounts: dict[str, str] = {}
        """Account by access key, where it is not moto's own."""
        self.page = 100
        """Images that DescribeImages lists at once."""
        self.refusals: list[Refusal] = []
        self.trouble: Callable[[str], Kind] = calm
        self._registries: dict[tuple[str, str], EcrRegistry] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.front = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Self:
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
        for registry in self._registries.values():
            registry.close()

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def registry(self, account: str = ACCOUNT, region: str = REGION) -> EcrRegistry:
        """The registry of an account in a region, opened when it is first named."""
        key = (account, region)
        if key not in self._registries:
            room = f"ecr{os.getpid()}x{self._number}"
            registry = EcrRegistry(account, region, self.storage, room)
            self._registries[key] = registry
            # A token of a region is good for every registry there that lets its owner in (E1).
            for other in self._registries.values():
                if other.region == region:
                    registry.tokens, registry.expired = other.tokens, other.expired
                    break
        return self._registries[key]

    def registries(self) -> list[EcrRegistry]:
        """Every one that was named so far."""
        return list(self._registries.values())

    @property
    def env(self) -> dict[str, str]:
        """What a user would have set; registries that are named later are not in it."""
        known = self._registries.values()
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL": self.url,
            "IMAGEKIT_REGISTRY_ENDPOINTS": ",".join(f"{one.host}={one.url}" for one in known),
        }

    def make(self, name: str, account: str = ACCOUNT, region: str = REGION, **said: Any) -> str:
        """Make a repository as somebody else would, by AWS's own API; its full name."""
        self.pass_on("ecr", region, account, "CreateRepository", {"repositoryName": name, **said})
        self._made(self.registry(account, region), name, said)
        return f"{self.registry(account, region).host}/{name}"

    def refuse(self, refusal: Refusal) -> None:
        """Let calls be refused."""
        self.refusals.append(refusal)

    def forget(self) -> None:
        """Count anew."""
        self.calls.clear()
        for registry in self._registries.values():
            registry.seen.clear()

    def called(self, *actions: str) -> list[Called]:
        """The calls of these actions, all without one."""
        return [one for one in self.calls if not actions or one.action in actions]

    def take_refusal(self, action: str, account: str) -> Refusal | None:
        """The refusal that this call runs into."""
        for one in self.refusals:
            if one.times > 0 and one.action == action and one.account in (None, account):
                one.times -= 1
                return one
        return None

    def pass_on(
        self, service: str, region: str, account: str, action: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Ask moto for an action of ECR as that account."""
        request = urllib.request.Request(
            self.moto,
            json.dumps(body).encode(),
            {
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{action}",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20261121/{region}/{service}/x",
                "x-moto-account-id": account,
            },
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            with error:
                said = json.loads(error.read())
            raise Refused(error.code, str(said["__type"]), str(said.get("message"))) from None

    def ecr(self, called: Called) -> dict[str, Any]:
        """ECR's answer to a call."""
        body = called.body
        registry = self.registry(body.get("registryId", called.account), called.region)
        own = getattr(self, f"_{_snake(called.action)}", None)
        if own is not None:
            return cast("dict[str, Any]", own(registry, body))
        account = called.account if called.action == "CreateRepository" else registry.account
        answer = self.pass_on("ecr", called.region, account, called.action, body)
        if called.action == "CreateRepository":
            self._made(self.registry(account, called.region), body["repositoryName"], body)
        return answer

    def _made(self, registry: EcrRegistry, name: str, said: dict[str, Any]) -> None:
        filters = said.get("imageTagMutabilityExclusionFilters", ())
        encryption = said.get("encryptionConfiguration", {})
        registry.repositories[name] = Stored(
            mutability=said.get("imageTagMutability", "MUTABLE"),
            exclusions=tuple(one["filter"] for one in filters),
            encryption=(encryption.get("encryptionType", "AES256"), encryption.get("kmsKey", "")),
        )

    def _get_authorization_token(self, registry: EcrRegistry, body: Any) -> dict[str, Any]:
        data = {"authorizationToken": registry.token(), "proxyEndpoint": f"https://{registry.host}"}
        return {"authorizationData": [data]}

    def _get_account_setting(self, registry: EcrRegistry, body: Any) -> dict[str, Any]:
        return {"name": body["name"], "value": "ENABLED" if registry.mounting else "DISABLED"}

    def _put_account_setting(self, registry: EcrRegistry, body: Any) -> dict[str, Any]:
        registry.mounting = body["value"] == "ENABLED"
        return dict(body)

    def _describe_repository_creation_templates(
        self, registry: EcrRegistry, body: Any
    ) -> dict[str, Any]:
        found = [{"prefix": one, "appliedFor": ["CREATE_ON_PUSH"]} for one in registry.templates]
        return {"registryId": registry.account, "repositoryCreationTemplates": found}

    def _describe_pull_through_cache_rules(
        self, registry: EcrRegistry, body: Any
    ) -> dict[str, Any]:
        return {"pullThroughCacheRules": [{"ecrRepositoryPrefix": one} for one in registry.caches]}

    def _describe_images(self, registry: EcrRegistry, body: Any) -> dict[str, Any]:
        stored = _stored(registry, body["repositoryName"])
        wanted = body.get("filter", {}).get("imageStatus", "ACTIVE")
        images = [
            one
            for one in stored.images.values()
            if wanted == "ANY" or one.archived == (wanted == "ARCHIVED")
        ]
        start = int(body.get("nextToken", "0"))
        end = start + min(self.page, body.get("maxResults", self.page))
        answer: dict[str, Any] = {"imageDetails": [_detail(one) for one in images[start:end]]}
        return answer | ({"nextToken": str(end)} if end < len(images) else {})

    def _batch_delete_image(self, registry: EcrRegistry, body: Any) -> dict[str, Any]:
        stored, ids = _stored(registry, body["repositoryName"]), body["imageIds"]
        if len(ids) > 100:
            raise Refused(400, "InvalidParameterException", "at most 100 images")
        gone, failures = [], []
        for one in ids:
            if why := _held(stored, one["imageDigest"]):
                failures.append({"imageId": one, "failureCode": why, "failureReason": why})
                continue
            del stored.images[one["imageDigest"]]
            gone.append(one)
        return {"imageIds": gone, "failures": failures}


class Refused(Exception):
    """AWS says no."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status, self.code, self.message = status, code, message


def _stored(registry: EcrRegistry, name: str) -> Stored:
    found = registry.repositories.get(name)
    if found is None:
        what = f"The repository with name '{name}' does not exist in the registry"
        raise Refused(400, "RepositoryNotFoundException", what)
    return found


def _held(stored: Stored, digest: str) -> str | None:
    """Why an image cannot be deleted."""
    if digest not in stored.images:
        return "ImageNotFound"
    indexes = (json.loads(one.data).get("manifests", ()) for one in stored.images.values())
    children = {child["digest"] for index in indexes for child in index}
    return "ImageReferencedByManifestList" if digest in children else None


def _detail(image: Image) -> dict[str, Any]:
    layers = json.loads(image.data).get("layers", ())
    found: dict[str, Any] = {
        "imageDigest": image.digest,
        "imageSizeInBytes": sum(one["size"] for one in layers),
        "imagePushedAt": image.pushed,
        "imageManifestMediaType": image.media_type,
        "imageStatus": "ARCHIVED" if image.archived else "ACTIVE",
    }
    if image.tags:
        found["imageTags"] = sorted(image.tags)
    if image.subject:
        found["subjectManifestDigest"] = image.subject
    return found


def _snake(action: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    front: EcrFront


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    _cut = False

    def _serve(self) -> None:
        self._cut = False
        front = cast(_Server, self.server).front
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        scope = _SCOPE.search(self.headers.get("Authorization", ""))
        if scope is None:
            return self._refused(Refused(403, "MissingAuthenticationToken", "unsigned"))
        called = self._called(front, scope["service"], scope["region"], scope["key"], sent)
        front.calls.append(called)
        kind = front.trouble(f"{called.service} {called.action}")
        if kind == "before":
            self.close_connection = True
            return
        if kind.isdecimal():
            return self._refused(Refused(int(kind), "InternalFailure", "not now"))
        self._cut = kind == "after"
        if refusal := front.take_refusal(called.action, called.account):
            return self._refused(Refused(400, refusal.code, refusal.message))
        if called.service != "ecr":
            return self._pass_on(front, called.account, scope["key"], sent)
        try:
            self._reply(200, json.dumps(front.ecr(called)).encode(), "application/x-amz-json-1.1")
        except Refused as error:
            self._refused(error)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _called(self, front: EcrFront, service: str, region: str, key: str, sent: bytes) -> Called:
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        form = parse_qs(sent.decode()) if service == "sts" else {}
        action = target or form.get("Action", [f"{self.command} {self.path}"])[0]
        return Called(
            service=service,
            action=action,
            account=front.accounts.get(key, ACCOUNT),
            region=region,
            body=json.loads(sent or b"{}") if target else {},
        )

    def _pass_on(self, front: EcrFront, account: str, key: str, sent: bytes) -> None:
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        if key in front.accounts:
            headers["x-moto-account-id"] = account
        request = urllib.request.Request(
            f"{front.moto}{self.path}", sent or None, headers, method=self.command
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return self._reply(answer.status, answer.read(), answer.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            with error:
                return self._reply(error.code, error.read(), error.headers["Content-Type"])

    def _refused(self, error: Refused) -> None:
        said = {"__type": error.code, "message": error.message, "Message": error.message}
        self._reply(error.status, json.dumps(said).encode(), "application/x-amz-json-1.1")

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        if self._cut:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: calls are recorded."""
