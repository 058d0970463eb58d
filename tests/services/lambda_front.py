"""A front before moto's Lambda that behaves like Lambda where moto does not.

It adds states in progress for some polls, 409 while they last, failures with a reason, the digest
of an image as its CodeSha256, the package-type guard, idempotent publishing and 412 on a wrong
revision. The rest passes to moto. It records every request, and can misbehave on demand.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, cast
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct, field

from tests.services.trouble import Kind, calm

Phase = Literal["before", "after"]
Answer = tuple[int, dict[str, Any], dict[str, str]]

# (method, what follows the function's name) to the operation's name.
_OPERATIONS = {
    ("GET", ""): "GetFunction",
    ("POST", "new"): "CreateFunction",
    ("DELETE", ""): "DeleteFunction",
    ("PUT", "code"): "UpdateFunctionCode",
    ("PUT", "configuration"): "UpdateFunctionConfiguration",
    ("POST", "versions"): "PublishVersion",
    ("GET", "versions"): "ListVersionsByFunction",
    ("POST", "aliases"): "CreateAlias",
    ("GET", "aliases"): "ListAliases",
    ("GET", "alias"): "GetAlias",
    ("PUT", "alias"): "UpdateAlias",
    ("POST", "invocations"): "Invoke",
}
DESCRIBING = {
    "GetAlias",
    "GetFunction",
    "GetLayerVersion",
    "ListAliases",
    "ListLayerVersions",
    "ListVersionsByFunction",
}
_VOLATILE = {
    "Description",
    "FunctionArn",
    "LastModified",
    "LastUpdateStatus",
    "RevisionId",
    "State",
    "Version",
}


class Seen(Struct, frozen=True, kw_only=True):
    """One request as it came in."""

    operation: str
    function: str
    method: str
    path: str
    at: float
    """Monotonic seconds."""
    status: int
    body: dict[str, Any]


class Fault(Struct, kw_only=True):
    """What happens to the next `times` requests of `operation` (any, where it is empty).

    With `at` only to requests from that number on, counted from 0 since `forget`.
    """

    operation: str = ""
    function: str = ""
    at: int = 0
    times: int = 1
    hang_up: Phase | None = None
    status: int = 503
    code: str = "ServiceException"
    message: str = "An error occurred and the request cannot be processed."


class _Function(Struct):
    """What the front knows of a function that moto does not."""

    polls: int = 0
    kind: str = "create"
    outcome: tuple[str, str] | None = None
    """Failure that comes when the polls are over."""
    failed: tuple[str, str, str] | None = None
    revision: int = 0
    image: str | None = None
    archive: bytes = b""
    extra: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Configuration and image of each published version."""
    alias_revisions: dict[str, int] = field(default_factory=dict)


class LambdaFront(ThreadingHTTPServer):
    """Talks to one moto; `polls` is how often an update is still in progress when asked."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 100

    def __init__(self, moto: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.moto = moto
        self.polls = 1
        self.seen: list[Seen] = []
        self.broken: set[str] = set()
        """Versions that fail whatever they are invoked with: `NAME:VERSION`."""
        self.cold = 5
        """How many calls of one version wait for an environment; the others find one."""
        self.restores = False
        """SnapStart: environments are restored from a snapshot."""
        self.called: dict[str, int] = {}
        """Calls by `NAME:VERSION`."""
        self.failures: dict[str, tuple[str, str]] = {}
        """By function: reason code and reason of its next update."""
        self.images: set[str] | None = None
        """Digests that the registry has; None: every one."""
        self.deleted: set[str] = set()
        """Digests that functions ran, and that are gone since (L14)."""
        self.faults: list[Fault] = []
        self.trouble: Callable[[str], Kind] = calm
        self.lock = threading.RLock()
        self.functions: dict[tuple[str, str], _Function] = {}
        self.layers: dict[str, bytes] = {}
        """Archives of layers that were sent directly, by the ARN of their version."""
        self._lies = False

    @property
    def url(self) -> str:
        """For AWS_ENDPOINT_URL_LAMBDA."""
        return f"http://127.0.0.1:{self.server_port}"

    def forget(self) -> None:
        """Count anew; faults that wait are dropped."""
        self.seen.clear()
        self.faults.clear()

    def operations(self, function: str = "") -> list[str]:
        """The operations that came in, in order."""
        return [one.operation for one in self.seen if function in ("", one.function)]

    def changes(self, function: str = "") -> list[str]:
        """Those among them that were to change something."""
        return [name for name in self.operations(function) if name not in DESCRIBING]

    def take_fault(self, operation: str, function: str) -> Fault | None:
        """The fault that this request runs into, one of its times used up."""
        kind = self.trouble(f"lambda {operation} {function}")
        if kind in ("before", "after"):
            return Fault(hang_up=kind)
        if kind.isdecimal():
            return Fault(status=int(kind))
        self._lies = kind == "digest"
        number = len(self.seen)
        for fault in self.faults:
            fits = fault.operation in ("", operation) and fault.function in ("", function)
            if fits and fault.times > 0 and number >= fault.at:
                fault.times -= 1
                return fault
        return None

    # ------------------------------------------------------------------ what Lambda does

    def answer(self, call: Call) -> Answer:
        """Lambda's answer."""
        name = re.sub("([A-Z])", r"_\1", call.operation).lower()
        handler = getattr(self, f"_on{name}", None)
        answer = cast("Answer", handler(call)) if handler else call.to_moto()
        return _other_code(answer) if self._lies else answer

    def known(self, call: Call) -> _Function:
        """The front's own notes of the function."""
        return self.functions.setdefault((call.region, call.function), _Function())

    def _on_get_function(self, call: Call) -> Answer:
        status, value, headers = call.to_moto()
        if status == 200:
            known = self.known(call)
            self._dress(known, value["Configuration"])
            image = self._image_of(known, value["Configuration"])
            if not image:
                number = value["Configuration"]["Version"]
                place = f"{self.url}/code/{call.region}/{call.function}/{number}"
                value["Code"] = {"RepositoryType": "S3", "Location": place}
            if image:
                resolved = f"{image.partition('@')[0]}@{image.partition('@')[2]}"
                value["Code"] = {"RepositoryType": "ECR", "ImageUri": image}
                value["Code"]["ResolvedImageUri"] = resolved
            if value["Configuration"]["Version"] == "$LATEST":
                self._poll(known)
        return status, value, headers

    def _on_create_function(self, call: Call) -> Answer:
        known = self.known(call)
        if known.revision:
            return _refusal(
                409, "ResourceConflictException", f"Function already exist: {call.function}"
            )
        image = call.body.get("Code", {}).get("ImageUri")
        if image and (missing := self._missing(image)):
            return missing
        status, value, headers = call.to_moto()
        if status == 201:
            known.image = image
            known.archive = base64.b64decode(call.body["Code"].get("ZipFile", ""))
            known.extra = {key: call.body[key] for key in ("Architectures",) if key in call.body}
            self._begin(known, call, "create")
            self._dress(known, value)
        return status, value, headers

    def _on_update_function_code(self, call: Call) -> Answer:
        known = self.known(call)
        if refused := self._refused(known, call):
            return refused
        is_image, image = known.image is not None, call.body.get("ImageUri")
        if is_image and not image:
            return _refusal(
                400,
                "InvalidParameterValueException",
                "Please provide ImageUri when updating a function with packageType Image.",
            )
        if image and not is_image:
            return _refusal(
                400,
                "InvalidParameterValueException",
                "Please don't provide ImageUri when updating a function with packageType Zip.",
            )
        if image and (missing := self._missing(image)):
            return missing
        status, value, headers = call.to_moto()
        if status == 200:
            known.image = image
            known.archive = base64.b64decode(call.body.get("ZipFile", ""))
            if "Architectures" in call.body:
                known.extra["Architectures"] = call.body["Architectures"]
            self._begin(known, call, "update")
            self._dress(known, value)
        return status, value, headers

    def _on_update_function_configuration(self, call: Call) -> Answer:
        known = self.known(call)
        if refused := self._refused(known, call):
            return refused
        if self._is_deleted(known):
            told = "The function is trying to use a deleted image."  # L15
            return _refusal(400, "InvalidParameterValueException", told)
        status, value, headers = call.to_moto()
        if status == 200:
            if "EphemeralStorage" in call.body:
                known.extra["EphemeralStorage"] = call.body["EphemeralStorage"]
            if "ImageConfig" in call.body:
                known.extra["ImageConfigResponse"] = {"ImageConfig": call.body["ImageConfig"]}
            if "SnapStart" in call.body:
                applied = call.body["SnapStart"]["ApplyOn"]
                known.extra["SnapStart"] = {"ApplyOn": applied, "OptimizationStatus": "Off"}
            self._begin(known, call, "update")
            self._dress(known, value)
        return status, value, headers

    def _on_publish_version(self, call: Call) -> Answer:
        known = self.known(call)
        if refused := self._refused(known, call):
            return refused
        _, latest, _ = call.to_moto("GET", f"/2015-03-31/functions/{call.function}")
        configuration = latest["Configuration"]
        self._dress(known, configuration)
        guard = call.body.get("CodeSha256")
        if guard and guard != configuration["CodeSha256"]:
            return _refusal(
                400,
                "InvalidParameterValueException",
                f"CodeSHA256 ({guard}) is different from current CodeSHA256 in $LATEST "
                f"({configuration['CodeSha256']}). "
                "Please try again with the CodeSHA256 in $LATEST.",
            )
        last = list(known.versions.values())[-1:]
        if last and _kept(last[0]["configuration"]) == _kept(configuration):
            return 201, last[0]["configuration"], {}
        status, value, headers = call.to_moto()
        if status == 201:
            number = value["Version"]
            value = {**configuration, **{key: value[key] for key in ("FunctionArn", "Version")}}
            value["Description"] = call.body.get("Description") or configuration["Description"]
            kept = {"configuration": value, "image": known.image, "archive": known.archive}
            known.versions[number] = kept
        return status, value, headers

    def _on_list_versions_by_function(self, call: Call) -> Answer:
        known = self.known(call)
        _, latest, _ = call.to_moto("GET", f"/2015-03-31/functions/{call.function}")
        if "Configuration" not in latest:
            return call.to_moto()
        self._dress(known, latest["Configuration"])
        found = [latest["Configuration"], *(v["configuration"] for v in known.versions.values())]
        # Two a page: whoever lists must turn pages.
        begin = int(call.query.get("Marker", ["0"])[0])
        value: dict[str, Any] = {"Versions": found[begin : begin + 2]}
        if begin + 2 < len(found):
            value["NextMarker"] = str(begin + 2)
        return 200, value, {}

    def _on_create_alias(self, call: Call) -> Answer:
        status, value, headers = call.to_moto()
        return status, self._alias(call, value, bump=status == 201), headers

    def _on_get_alias(self, call: Call) -> Answer:
        status, value, headers = call.to_moto()
        return (200 if status == 201 else status), self._alias(call, value), headers

    def _on_update_alias(self, call: Call) -> Answer:
        known = self.known(call)
        guard, now = call.body.get("RevisionId"), known.alias_revisions.get(call.alias, 0)
        if guard and guard != f"alias-{now}":
            return _wrong_revision()
        for version in call.body.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}):
            if version not in known.versions:
                return _refusal(404, "ResourceNotFoundException", f"no version {version}")
        status, value, headers = call.to_moto()
        done = status < 300
        return (200 if done else status), self._alias(call, value, bump=done), headers

    def _on_invoke(self, call: Call) -> Answer:
        version = call.query.get("Qualifier", ["$LATEST"])[0]
        if call.to_moto("GET", f"/2015-03-31/functions/{call.function}")[0] == 404:
            return _refusal(404, "ResourceNotFoundException", f"no function {call.function}")
        if f"{call.function}:{version}" in self.broken:
            told = {"errorMessage": "no module named model", "errorType": "ImportError"}
            return 200, told, {"X-Amz-Function-Error": "Unhandled", **self._log(call, version)}
        return 200, {"answer": 42}, self._log(call, version)

    def _on_delete_function(self, call: Call) -> Answer:
        version = call.query.get("Qualifier", [""])[0]
        known = self.known(call)
        _, aliases, _ = call.to_moto("GET", f"/2015-03-31/functions/{call.function}/aliases")
        if version in {one["FunctionVersion"] for one in aliases.get("Aliases", ())}:
            return _refusal(409, "ResourceConflictException", f"an alias names version {version}")
        status, value, headers = call.to_moto()
        known.versions.pop(version, None)
        return status, value, headers

    def _on_publish_layer_version(self, call: Call) -> Answer:
        status, value, headers = call.to_moto()
        if status == 201:
            archive = call.body["Content"].get("ZipFile", "")
            self.layers[value["LayerVersionArn"]] = base64.b64decode(archive)
        return status, value, headers

    def _on_get_layer_version(self, call: Call) -> Answer:
        """Moto does not know a version by its ARN, nor lends its archive."""
        arn = call.query.get("Arn", [""])[0]
        if not arn:
            return call.to_moto()
        *_, name, version = arn.split(":")
        status, value, headers = call.to_moto(
            "GET", f"/2018-10-31/layers/{name}/versions/{version}"
        )
        if status == 200:
            value["Content"]["Location"] = f"{self.url}/layer/{arn}"
        return status, value, headers

    # ------------------------------------------------------------------ its parts

    def _log(self, call: Call, version: str) -> dict[str, str]:
        """The end of its log, where it was asked for, as Lambda writes it."""
        if call.headers.get("X-Amz-Log-Type") != "Tail":
            return {}
        place = f"{call.function}:{version}"
        count = self.called[place] = self.called.get(place, 0) + 1
        spent = f"Duration: {count}.25 ms\tBilled Duration: {400 + count} ms\t"
        line = f"{spent}Memory Size: 1024 MB\tMax Memory Used: {100 + count} MB\t"
        if count <= self.cold and self.restores:
            line += f"Restore Duration: {300 + count}.50 ms\tBilled Restore Duration: 57 ms\t"
        elif count <= self.cold:
            line += f"Init Duration: {390 + count}.75 ms\t"
        request = f"3604209a-e9a3-11e6-939a-{count:012d}"
        text = (
            f"START RequestId: {request} Version: {version}\nREPORT RequestId: {request}\t{line}\n"
        )
        return {"X-Amz-Log-Result": base64.b64encode(text.encode()).decode()}

    def _begin(self, known: _Function, call: Call, kind: str) -> None:
        known.revision += 1
        known.kind, known.failed = kind, None
        known.polls = self.polls
        known.outcome = self.failures.pop(call.function, None)
        if not known.polls:
            self._settle(known)

    def _poll(self, known: _Function) -> None:
        if known.polls:
            known.polls -= 1
            if not known.polls:
                self._settle(known)

    def _settle(self, known: _Function) -> None:
        known.revision += 1
        if known.outcome:
            known.failed = (known.kind, *known.outcome)
        known.outcome = None

    def _refused(self, known: _Function, call: Call) -> Answer | None:
        if known.polls:
            arn = f"arn:aws:lambda:{call.region}:123456789012:function:{call.function}"
            return _refusal(
                409,
                "ResourceConflictException",
                "The operation cannot be performed at this time. "
                f"An update is in progress for resource: {arn}",
            )
        guard = call.body.get("RevisionId")
        if guard and guard != f"revision-{known.revision}":
            return _wrong_revision()
        return None

    def _missing(self, image: str) -> Answer | None:
        digest = image.partition("@")[2]
        if digest and (self.images is None or digest in self.images):
            return None
        return _refusal(
            400,
            "InvalidParameterValueException",
            f"Source image {image} does not exist. Provide a valid source image.",
        )

    def _dress(self, known: _Function, configuration: dict[str, Any]) -> None:
        version = configuration["Version"]
        if version in known.versions:
            configuration.update(known.versions[version]["configuration"])
            return
        configuration.update(known.extra)
        configuration["RevisionId"] = f"revision-{known.revision}"
        if known.image:
            configuration["CodeSha256"] = known.image.partition("@sha256:")[2]
        if version == "$LATEST":
            configuration.update(_status(known))
            if self._is_deleted(known):
                configuration.update(State="Inactive", StateReasonCode="ImageDeleted")

    def _is_deleted(self, known: _Function) -> bool:
        return known.image is not None and known.image.partition("@")[2] in self.deleted

    def _image_of(self, known: _Function, configuration: dict[str, Any]) -> str | None:
        published = known.versions.get(configuration["Version"])
        return cast("str | None", published["image"]) if published else known.image

    def _alias(self, call: Call, value: dict[str, Any], *, bump: bool = False) -> dict[str, Any]:
        known = self.known(call)
        name = value.get("Name", call.alias)
        if bump:
            known.alias_revisions[name] = known.alias_revisions.get(name, 0) + 1
        if "Name" in value:
            value["RevisionId"] = f"alias-{known.alias_revisions.get(name, 0)}"
            value["RoutingConfig"] = value.get("RoutingConfig") or {}
        return value


class Call(Struct, kw_only=True):
    """One request, taken apart."""

    front: LambdaFront
    method: str
    path: str
    query: dict[str, list[str]]
    function: str
    operation: str
    alias: str
    raw: bytes
    body: dict[str, Any]
    headers: dict[str, str]
    region: str

    @classmethod
    def of(cls, front: LambdaFront, method: str, target: str, raw: bytes, headers: Any) -> Call:
        parts = urlsplit(target)
        words = [unquote(word) for word in parts.path.strip("/").split("/")[2:]]
        body = json.loads(raw) if raw[:1] == b"{" else {}
        alias = words[2] if len(words) > 2 else ""
        kind = "alias" if alias and words[1] == "aliases" else "".join(words[1:2])
        kind = kind if words else "new"
        operation = _OPERATIONS.get((method, kind), f"{method} {parts.path}")
        if "/layers" in parts.path:
            version = "Version" if len(words) > 2 or "find" in parts.query else "Versions"
            operation = "PublishLayerVersion" if method == "POST" else f"GetLayer{version}"
            operation = operation.replace("GetLayerVersions", "ListLayerVersions")
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/", headers.get("Authorization", ""))
        return cls(
            front=front,
            method=method,
            path=target,
            query=parse_qs(parts.query),
            function=words[0] if words else body.get("FunctionName", ""),
            operation=operation,
            alias=alias,
            raw=raw,
            body=body,
            headers={name: value for name, value in headers.items() if name.lower() != "host"},
            region=scope[1] if scope else "",
        )

    def to_moto(self, method: str | None = None, path: str | None = None) -> Answer:
        """Ask moto this, or something else in its place."""
        upstream = http.client.HTTPConnection(self.front.moto.removeprefix("http://"), timeout=60)
        try:
            body = self.raw if method is None else None
            headers = dict(self.headers)
            if body is None:
                headers = {k: v for k, v in headers.items() if k.lower() != "content-length"}
            upstream.request(method or self.method, path or self.path, body=body, headers=headers)
            answer = upstream.getresponse()
            data = answer.read()
        finally:
            upstream.close()
        kind = answer.getheader("x-amzn-errortype")
        value = json.loads(data) if data[:1] == b"{" else {}
        return answer.status, value, {"x-amzn-ErrorType": kind} if kind else {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: with Nagle's algorithm each answer takes 40 ms.
    disable_nagle_algorithm = True

    def _take(self) -> None:
        front = cast(LambdaFront, self.server)
        if self.path.startswith("/code/"):
            return self._lend(front)
        if self.path.startswith("/layer/"):
            return self._lend_part(front.layers[self.path.removeprefix("/layer/")])
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with front.lock:
            call = Call.of(front, self.command, self.path, raw, self.headers)
            fault = front.take_fault(call.operation, call.function)
            answer: Answer | None = None
            if fault is None or fault.hang_up == "after":
                answer = front.answer(call)
            elif fault.hang_up is None:
                answer = _refusal(fault.status, fault.code, fault.message)
            cut = fault is not None and fault.hang_up is not None
            status = 0 if cut or answer is None else answer[0]
            front.seen.append(
                Seen(
                    operation=call.operation,
                    function=call.function,
                    method=call.method,
                    path=call.path,
                    at=time.monotonic(),
                    status=status,
                    body={key: value for key, value in call.body.items() if key != "ZipFile"},
                )
            )
        if cut or answer is None:
            self.close_connection = True
            return
        self._reply(*answer)

    def _lend(self, front: LambdaFront) -> None:
        """The archive of a version, as S3 gives it to whoever has the address."""
        _, _, region, function, number = self.path.split("/")
        data = front.functions[region, function].versions[number]["archive"]
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _lend_part(self, data: bytes) -> None:
        """The range that is asked for, as S3 answers it."""
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        begin = int(first) if first else max(0, len(data) - int(last))
        part = data[begin : int(last) + 1 if first and last else None]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{begin + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    do_GET = do_POST = do_PUT = do_DELETE = _take  # noqa: N815

    def _reply(self, status: int, value: dict[str, Any], headers: dict[str, str]) -> None:
        body = b"" if status == 204 else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: requests are recorded."""


def zip_sha256(data: bytes) -> str:
    """CodeSha256 of an archive."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _status(known: _Function) -> dict[str, Any]:
    if known.polls and known.kind == "create":
        return {"State": "Pending", "StateReasonCode": "Creating", "StateReason": "being created"}
    if known.polls:
        return {"State": "Active", "LastUpdateStatus": "InProgress"}
    if known.failed and known.failed[0] == "create":
        _, code, reason = known.failed
        return {"State": "Failed", "StateReasonCode": code, "StateReason": reason}
    if known.failed:
        _, code, reason = known.failed
        told = {"LastUpdateStatusReasonCode": code, "LastUpdateStatusReason": reason}
        return {"State": "Active", "LastUpdateStatus": "Failed", **told}
    return {"State": "Active", "LastUpdateStatus": "Successful"}


def _kept(configuration: dict[str, Any]) -> dict[str, Any]:
    volatile = _VOLATILE | {"LastUpdateStatusReason", "LastUpdateStatusReasonCode"}
    return {key: value for key, value in configuration.items() if key not in volatile}


def _other_code(answer: Answer) -> Answer:
    """The same answer about another code than the function has."""
    status, value, headers = answer
    told = value.get("Configuration", value)
    if "CodeSha256" in told:
        value = json.loads(json.dumps(value))
        value.get("Configuration", value)["CodeSha256"] = "0" * 64
    return status, value, headers


def _refusal(status: int, code: str, message: str) -> Answer:
    told = {"Type": "User", "Message": message, "message": message}
    return status, told, {"x-amzn-ErrorType": code}


def _wrong_revision() -> Answer:
    return _refusal(
        412,
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/"
        "GetAlias API to retrieve the latest Revision Id",
    )


@contextmanager
def lambda_front(moto: str) -> Iterator[LambdaFront]:
    """The front, until the block ends."""
    with LambdaFront(moto) as front:
        thread = threading.Thread(target=front.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield front
        finally:
            front.shutdown()
            thread.join()
