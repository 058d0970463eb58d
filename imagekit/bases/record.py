"""A base as a record in the store: a build with a pin then asks no registry."""

from __future__ import annotations

from msgspec import to_builtins

from imagekit.model.base import Base, BaseFacts
from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.image import MANIFEST, Descriptor
from imagekit.oci.documents import dump_config, dump_descriptor, parse_config
from imagekit.oci.values import (
    Object,
    canonical,
    digest_at,
    number_at,
    object_at,
    objects_at,
    optional_text_at,
    pairs_at,
    parse_object,
    text_at,
    texts_at,
)
from imagekit.store import Store

KIND = "base"


def keep(store: Store, base: Base) -> None:
    """Keep what is known of a base under its digest."""
    store.put_record(KIND, base.digest.hex, base_to_json(base))


def load_pinned(store: Store, digest: Digest) -> Base | None:
    """The base with this digest; None where it was never read, or its layers are gone."""
    found = store.record(KIND, digest.hex)
    if found is None:
        return None
    try:
        base = base_from_json(found)
    except (ValueError, CannotBuild):
        return None
    whole = all(
        store.has_blob(layer.digest, layer.size_bytes)
        for layer, place in zip(base.layers, base.places, strict=True)
        if place is None
    )
    return base if whole and base.digest == digest else None


def published_as(store: Store, digest: Digest) -> str | None:
    """Where the base with this digest was published from here."""
    found = store.record(KIND, digest.hex)
    reference = found.get("published") if found else None
    return reference if isinstance(reference, str) else None


def note_published(store: Store, digest: Digest, reference: str) -> None:
    """Keep where the base with this digest was published from here."""
    if found := store.record(KIND, digest.hex):
        store.put_record(KIND, digest.hex, {**found, "published": reference})


def base_to_json(base: Base) -> dict[str, object]:
    """The base as a JSON object."""
    return {
        "name": base.name,
        "reference": base.reference,
        "digest": str(base.digest),
        "family": base.family,
        "config": dict(parse_object(dump_config(base.config))),
        "layers": [dump_descriptor(layer) for layer in base.layers],
        "facts": facts_to_json(base.facts),
        "in_store": base.in_store,
        "origins": [place or "" for place in base.origins],
        **({"published": base.published} if base.published else {}),
    }


def base_from_json(value: Object) -> Base:
    """Read it back; ValueError or CannotBuild where it is not what `base_to_json` writes."""
    family = text_at(value, "family")
    if family not in MANIFEST:
        raise ValueError(f"{family!r} is no family of manifests")
    layers = tuple(_descriptor(layer) for layer in objects_at(value, "layers"))
    origins = tuple(place or None for place in texts_at(value, "origins"))
    if origins and len(origins) != len(layers):
        raise ValueError("not one origin for each layer")
    return Base(
        name=text_at(value, "name"),
        reference=text_at(value, "reference"),
        digest=digest_at(value, "digest"),
        family=family,
        config=parse_config(canonical(object_at(value, "config"))),
        layers=layers,
        facts=facts_from_json(object_at(value, "facts")),
        in_store=value.get("in_store") is True,
        origins=origins,
        published=optional_text_at(value, "published"),
    )


def facts_to_json(facts: BaseFacts) -> dict[str, object]:
    """The facts as a JSON object; packages as objects of versions and of bytes."""
    weights = dict(facts.package_bytes)
    return {**to_builtins(facts), "packages": dict(facts.packages), "package_bytes": weights}


def facts_from_json(value: Object) -> BaseFacts:
    """Read them back; ValueError where a key is missing or of another type."""
    weights = object_at(value, "package_bytes")
    runtime_client = value.get("runtime_client")
    if not isinstance(runtime_client, bool):
        raise ValueError("runtime_client is neither true nor false")
    return BaseFacts(
        python=_filled_at(value, "python"),
        glibc=_filled_at(value, "glibc"),
        interpreter=_filled_at(value, "interpreter"),
        runtime_client=runtime_client,
        unzipped_bytes=number_at(value, "unzipped_bytes"),
        packages=pairs_at(value, "packages"),
        package_bytes=tuple((name, number_at(weights, name)) for name in sorted(weights)),
        shared=texts_at(value, "shared"),
    )


def _filled_at(value: Object, key: str) -> str:
    found = text_at(value, key)
    if not found:
        raise ValueError(f"{key} is missing")
    return found


def _descriptor(value: Object) -> Descriptor:
    return Descriptor(
        media_type=text_at(value, "mediaType"),
        digest=digest_at(value, "digest"),
        size_bytes=number_at(value, "size"),
    )
