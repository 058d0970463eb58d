"""Reading a registry's refusals, and what to type next."""

from __future__ import annotations

import json

from imagekit.model.errors import HttpError, RegistryError, TagTaken
from imagekit.model.reference import DOCKER_HUB, Reference
from imagekit.net.http import Request, Response, failure

_UPLOADS = frozenset({"POST", "PUT", "PATCH"})


def refusal(request: Request, response: Response, reference: Reference) -> RegistryError:
    """The error for an answer that cannot be used, its body read as distribution-spec says."""
    plain = failure(request, response)
    said = _errors(plain.diagnostics)
    error = RegistryError(
        method=plain.method,
        url=plain.url,
        status=plain.status,
        diagnostics="; ".join(f"{code}: {text}" for code, text in said) or plain.diagnostics,
        temporary=plain.temporary,
        retry_after_seconds=plain.retry_after_seconds,
        codes=tuple(code for code, _ in said),
    )
    error.hint = _hint(error, reference)
    return error


def advise(error: HttpError, reference: Reference) -> None:
    """Add a hint where a private ECR hung up on an upload.

    That is how ECR says that a repository does not exist (lambda_rules E2).
    """
    if error.status == 0 and error.hint is None and error.method in _UPLOADS and reference.ecr:
        error.hint = create_repository(reference)


def names_blob_unknown(error: RegistryError) -> bool:
    """Whether the registry misses a blob that the manifest names (lambda_rules E11)."""
    known = {"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"}
    return bool(known & set(error.codes)) or "LayersNotFound" in error.diagnostics


def tag_is_taken(error: RegistryError) -> bool:
    """Whether a tag may not be moved (lambda_rules E16), or names this image already (E17).

    ECR says TAG_INVALID, which the spec has for malformed tags too; others have only words for it.
    """
    if error.status not in (400, 403, 405, 409, 412):
        return False
    text = error.diagnostics.lower()
    return "TAG_INVALID" in error.codes or "immutable" in text or "alreadyexists" in text


def tag_taken(reference: Reference, why: str) -> TagTaken:
    """The tag of `reference` stays where it is."""
    return TagTaken(
        what=f"the tag {reference.tag} of {reference.name} may not be moved to another image",
        causes=(why,),
        hint="push under a new tag, with --tag NEW",
    )


def create_repository(reference: Reference) -> str:
    """What makes the repository of an ECR reference."""
    place = reference.ecr
    region = f" --region {place[1]}" if place else ""
    return (
        "run it again with --create, or: "
        f"aws ecr create-repository --repository-name {reference.repository}{region}"
    )


def _errors(body: str) -> list[tuple[str, str]]:
    try:
        found = json.loads(body)
        return [(str(one["code"]), str(one.get("message", ""))) for one in found["errors"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _hint(error: RegistryError, reference: Reference) -> str | None:
    place = reference.ecr
    if error.status == 401:
        return _ecr_login(reference, place[1]) if place else f"docker login {reference.registry}"
    if error.status == 403:
        return _denied(reference, place)
    if place and "NAME_UNKNOWN" in error.codes:
        return create_repository(reference)
    if error.status == 429 and reference.registry == DOCKER_HUB:
        return "docker login"
    return None


def _denied(reference: Reference, place: tuple[str, str] | None) -> str:
    if place is None:
        return f"docker login {reference.registry}"
    return (
        "aws sts get-caller-identity, and allow it to use the repository: aws ecr "
        f"get-repository-policy --repository-name {reference.repository} --region {place[1]}"
    )


def _ecr_login(reference: Reference, region: str) -> str:
    return (
        f"aws ecr get-login-password --region {region} | "
        f"docker login --username AWS --password-stdin {reference.registry}"
    )
