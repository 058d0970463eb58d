"""Manifest and config as JSON: both families in, one canonical form out.

OCI image-spec `manifest.md` and `config.md`; distribution "Image Manifest V 2, Schema 2". Of a
config, what Lambda honours is kept and what keeps it valid (lambda_rules M14): `OnBuild`,
`Healthcheck`, `Volumes`, `ExposedPorts` and the like are dropped, as Lambda ignores them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from imagekit.model.digest import Digest
from imagekit.model.errors import CannotBuild
from imagekit.model.image import (
    INDEXES,
    MANIFEST,
    Descriptor,
    Family,
    History,
    ImageConfig,
    Manifest,
)
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


def parse_config(data: bytes, *, name: str = "the image") -> ImageConfig:
    """Read an image config of either family; CannotBuild where it is not one.

    `name` says whose it is, for the error.
    """
    with readable(f"the config of {name}"):
        document = parse_object(data)
        settings = object_at(document, "config")
        return ImageConfig(
            architecture=text_at(document, "architecture"),
            variant=text_at(document, "variant"),
            os=text_at(document, "os") or "linux",
            created=optional_text_at(document, "created"),
            env=tuple(_variable(text) for text in texts_at(settings, "Env")),
            entrypoint=texts_at(settings, "Entrypoint"),
            command=texts_at(settings, "Cmd"),
            working_dir=text_at(settings, "WorkingDir"),
            user=text_at(settings, "User"),
            labels=pairs_at(settings, "Labels"),
            diff_ids=tuple(
                Digest.parse(text) for text in texts_at(object_at(document, "rootfs"), "diff_ids")
            ),
            history=tuple(_history(entry) for entry in objects_at(document, "history")),
        )


def dump_config(config: ImageConfig) -> bytes:
    """The canonical bytes; what is empty is left out."""
    settings = {
        "Cmd": list(config.command),
        "Entrypoint": list(config.entrypoint),
        "Env": [f"{key}={value}" for key, value in config.env],
        "Labels": dict(config.labels),
        "User": config.user,
        "WorkingDir": config.working_dir,
    }
    document = {
        "created": config.created,
        "history": [_dump_history(entry) for entry in config.history],
        "variant": config.variant,
    }
    return canonical(
        {
            "architecture": config.architecture,
            "config": _filled(settings),
            "os": config.os,
            "rootfs": {"diff_ids": [str(diff_id) for diff_id in config.diff_ids], "type": "layers"},
            **_filled(document),
        }
    )


def parse_manifest(
    data: bytes, media_type: str | None = None, *, name: str = "the image"
) -> Manifest:
    """Read a single-image manifest of either family.

    `media_type` is what the registry or the index called it; it may be left out where the document
    says it itself (in OCI it need not). Raises CannotBuild for an index, as Lambda takes single
    images only (lambda_rules M2), and for what is no manifest at all.
    """
    with readable(f"the manifest of {name}"):
        document = parse_object(data)
        found = text_at(document, "mediaType") or media_type or MANIFEST["oci"]
        if found in INDEXES or "manifests" in document:
            raise CannotBuild(
                what=f"{name} is an index of images, and Lambda takes one image",
                hint="name one image of it by its digest",
            )
        return Manifest(
            family=_family(found),
            config=parse_descriptor(object_at(document, "config")),
            layers=tuple(parse_descriptor(layer) for layer in objects_at(document, "layers")),
            annotations=pairs_at(document, "annotations"),
        )


def dump_manifest(manifest: Manifest) -> bytes:
    """The canonical bytes, always with their media type (lambda_rules E10)."""
    return canonical(
        {
            "config": dump_descriptor(manifest.config),
            "layers": [dump_descriptor(layer) for layer in manifest.layers],
            "mediaType": MANIFEST[manifest.family],
            "schemaVersion": 2,
            **_filled({"annotations": dict(manifest.annotations)}),
        }
    )


def dump_descriptor(descriptor: Descriptor) -> dict[str, object]:
    """The descriptor as a JSON object."""
    return {
        "digest": str(descriptor.digest),
        "mediaType": descriptor.media_type,
        "size": descriptor.size_bytes,
    }


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turn the ValueError of a document that is not what it should be into CannotBuild."""
    try:
        yield
    except ValueError as error:
        raise CannotBuild(what=f"{what} cannot be read", causes=(str(error),)) from error


def parse_descriptor(value: Object) -> Descriptor:
    """Read a descriptor; ValueError where it is not one."""
    return Descriptor(
        media_type=text_at(value, "mediaType"),
        digest=digest_at(value, "digest"),
        size_bytes=number_at(value, "size"),
    )


def _family(media_type: str) -> Family:
    for family, known in MANIFEST.items():
        if known == media_type:
            return family
    raise ValueError(f"its media type is {media_type}")


def _variable(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def _history(value: Object) -> History:
    return History(
        created_by=text_at(value, "created_by"),
        comment=text_at(value, "comment"),
        created=optional_text_at(value, "created"),
        author=optional_text_at(value, "author"),
        empty_layer=value.get("empty_layer") is True,
    )


def _dump_history(entry: History) -> dict[str, object]:
    return _filled(
        {
            "author": entry.author,
            "comment": entry.comment,
            "created": entry.created,
            "created_by": entry.created_by,
            "empty_layer": entry.empty_layer,
        }
    )


def _filled(values: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value}
