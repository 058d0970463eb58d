"""Choosing one architecture from an index."""

from __future__ import annotations

import json

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.errors import RemoteRefused
from imagekit.model.image import INDEXES, MANIFEST
from imagekit.model.reference import Reference

ACCEPT = ", ".join((*MANIFEST.values(), *INDEXES))
"""All four: with any left out, ECR translates what it stores (lambda_rules E18)."""


class FetchedManifest(Struct, frozen=True, kw_only=True):
    """A manifest or an index, byte for byte."""

    data: bytes
    media_type: str
    digest: Digest


class _Child(Struct, frozen=True, kw_only=True):
    platform: str
    digest: str


def choose(fetched: FetchedManifest, architecture: str, reference: Reference) -> Digest:
    """The manifest for linux and `architecture` (as OCI spells it: `amd64`, `arm64`).

    RemoteRefused names the platforms that there are. Attestations, which call themselves
    `unknown/unknown`, are no platform.
    """
    children = _children(fetched, reference)
    wanted = f"linux/{architecture}"
    for child in children:
        # arm64 has one variant in use, v8, which some indexes spell out.
        if child.platform in (wanted, f"{wanted}/v8"):
            return _digest(child, reference)
    known = sorted({c.platform for c in children if not c.platform.startswith("unknown")})
    raise RemoteRefused(
        what=f"{reference} has no image for {wanted}",
        causes=(f"there is {', '.join(known) or 'nothing'}",),
        hint="choose an architecture that is there with --arch, or name another image",
    )


def media_type_of(content_type: str, data: bytes) -> str:
    """What a manifest is: as the registry says, else as it says itself."""
    said = content_type.partition(";")[0].strip().lower()
    if said in (*MANIFEST.values(), *INDEXES):
        return said
    try:
        inside = json.loads(data).get("mediaType")
    except (ValueError, AttributeError):
        inside = None
    return inside if isinstance(inside, str) else said


def _children(fetched: FetchedManifest, reference: Reference) -> tuple[_Child, ...]:
    try:
        entries = json.loads(fetched.data)["manifests"]
        return tuple(_child(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RemoteRefused(what=f"the index of {reference} cannot be read") from error


def _child(entry: dict[str, object]) -> _Child:
    platform = entry.get("platform") or {}
    if not isinstance(platform, dict):
        raise TypeError("platform")
    parts = (platform.get(key, "") for key in ("os", "architecture", "variant"))
    name = "/".join(str(part) for part in parts if part)
    return _Child(platform=name or "unknown", digest=str(entry["digest"]))


def _digest(child: _Child, reference: Reference) -> Digest:
    try:
        return Digest.parse(child.digest)
    except ValueError as error:
        raise RemoteRefused(
            what=f"the index of {reference} cannot be read", causes=(str(error),)
        ) from error
