"""What an extension's layers told, as a record in the store: they are not read a second time."""

from __future__ import annotations

from imagekit.model.digest import Digest
from imagekit.model.extension import ExtensionFacts, ExtensionLayer
from imagekit.model.target import Architecture
from imagekit.oci.values import (
    Object,
    digest_at,
    number_at,
    object_at,
    objects_at,
    optional_text_at,
    pairs_at,
    texts_at,
)
from imagekit.store import Store

KIND = "extension"

_RULES = 1
"""Raised when layers that passed may no longer pass, or more is asked of them."""


def keep(store: Store, digest: Digest, architecture: Architecture, facts: ExtensionFacts) -> None:
    """Keep the facts under the digest of the manifest, which passed for this architecture."""
    store.put_record(
        KIND, _key(digest, architecture), {"rules": _RULES, "facts": facts_to_json(facts)}
    )


def load_facts(store: Store, digest: Digest, architecture: Architecture) -> ExtensionFacts | None:
    """The facts of the manifest with this digest; None where its layers were never read."""
    found = store.record(KIND, _key(digest, architecture))
    if found is None or found.get("rules") != _RULES:
        return None
    try:
        return facts_from_json(object_at(found, "facts"))
    except ValueError:
        return None


def facts_to_json(facts: ExtensionFacts) -> dict[str, object]:
    """The facts as a JSON object."""
    return {
        "layers": [_layer_to_json(layer) for layer in facts.layers],
        "programs": list(facts.programs),
        "places": list(facts.places),
        "packages": dict(facts.packages),
        "glibc": facts.glibc,
    }


def facts_from_json(value: Object) -> ExtensionFacts:
    """Read them back; ValueError where a key is missing or of another type."""
    return ExtensionFacts(
        layers=tuple(_layer_from_json(layer) for layer in objects_at(value, "layers")),
        programs=texts_at(value, "programs"),
        places=texts_at(value, "places"),
        packages=pairs_at(value, "packages"),
        glibc=optional_text_at(value, "glibc"),
    )


def _key(digest: Digest, architecture: Architecture) -> str:
    return f"{digest.hex}-{architecture}"


def _layer_to_json(layer: ExtensionLayer) -> dict[str, object]:
    return {
        "digest": str(layer.digest),
        "size": layer.size_bytes,
        "diff_id": str(layer.diff_id),
        "tar_bytes": layer.tar_bytes,
    }


def _layer_from_json(value: Object) -> ExtensionLayer:
    return ExtensionLayer(
        digest=digest_at(value, "digest"),
        size_bytes=number_at(value, "size"),
        diff_id=digest_at(value, "diff_id"),
        tar_bytes=number_at(value, "tar_bytes"),
    )
