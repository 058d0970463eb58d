"""What a registry's refusal says, and what to type next."""

from __future__ import annotations

import io
import json

import pytest

from imagekit.model.errors import HttpError, RegistryError
from imagekit.model.reference import Reference
from imagekit.net.http import Request, Response
from imagekit.registry.refusals import advise, names_blob_unknown, refusal, tag_is_taken

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
TAKEN = "The image tag 'x' already exists in the 'r' repository and cannot be overwritten"


def said(code: str, message: str = "") -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


def refused(status: int, body: bytes = b"", registry: str = "r.example") -> RegistryError:
    request = Request(method="PUT", url="https://r.example/v2/a/x?_state=secret")
    answer = Response(status=status, headers={}, url=request.url, stream=io.BytesIO(body))
    return refusal(request, answer, Reference(registry=registry, repository="team/app"))


def test_codes_and_words_are_the_registrys() -> None:
    """distribution-spec, "Error codes"."""
    error = refused(400, said("DIGEST_INVALID", "not what it says"))

    assert error.codes == ("DIGEST_INVALID",)
    assert error.diagnostics == "DIGEST_INVALID: not what it says"


@pytest.mark.parametrize("body", [b"<html>gateway</html>", b'{"errors": 1}', b'["x"]', b"\xff"])
def test_other_bodies_are_kept_as_they_are(body: bytes) -> None:
    """A proxy's page, or nonsense: no crash."""
    error = refused(502, body)

    assert (error.codes, error.temporary) == ((), True)
    assert error.diagnostics == body.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("status", "code", "registry", "hint"),
    [
        (401, "UNAUTHORIZED", "r.example", "docker login r.example"),
        (403, "DENIED", "r.example", "docker login r.example"),
        (401, "UNAUTHORIZED", ECR, f"--username AWS --password-stdin {ECR}"),
        (403, "DENIED", ECR, "get-repository-policy --repository-name team/app"),
        (404, "NAME_UNKNOWN", ECR, "aws ecr create-repository --repository-name team/app"),
        (429, "TOOMANYREQUESTS", "docker.io", "docker login"),
        (404, "NAME_UNKNOWN", "r.example", ""),
        (413, "", "r.example", ""),
    ],
)
def test_hints_can_be_typed(status: int, code: str, registry: str, hint: str) -> None:
    """Where it is known what helps."""
    found = refused(status, said(code), registry).hint

    assert hint in (found or "")
    assert bool(found) == bool(hint)


@pytest.mark.parametrize(
    ("status", "code", "message", "taken"),
    [
        (400, "TAG_INVALID", TAKEN, True),
        (412, "PRECONDITION", "configured as immutable", True),
        (409, "ImageAlreadyExistsException", "", True),
        (400, "ImageTagAlreadyExistsException", "", True),
        (400, "MANIFEST_INVALID", "", False),
        (500, "UNKNOWN", "immutable", False),
    ],
)
def test_taken_tags_are_told_in_many_words(
    status: int, code: str, message: str, taken: bool
) -> None:
    """ECR in two generations, Harbor, and what is something else (lambda_rules E16, E17)."""
    assert tag_is_taken(refused(status, said(code, message))) == taken


@pytest.mark.parametrize(
    ("code", "missing"),
    [("MANIFEST_BLOB_UNKNOWN", True), ("BLOB_UNKNOWN", True), ("MANIFEST_INVALID", False)],
)
def test_missing_blobs_are_known_by_code(code: str, missing: bool) -> None:
    """lambda_rules E11."""
    assert names_blob_unknown(refused(400, said(code))) == missing


@pytest.mark.parametrize(
    ("method", "registry", "hinted"),
    [("POST", ECR, True), ("PUT", ECR, True), ("GET", ECR, False), ("PUT", "r.example", False)],
)
def test_hanging_up_on_an_upload_is_how_ecr_says_unknown(
    method: str, registry: str, hinted: bool
) -> None:
    """lambda_rules E2; elsewhere a dropped connection is only that."""
    error = HttpError(method=method, url="https://r/", status=0, diagnostics="dropped")
    advise(error, Reference(registry=registry, repository="team/app"))

    assert ("create-repository" in (error.hint or "")) == hinted
