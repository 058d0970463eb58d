"""What a Dockerfile starts from and copies: by digest, pulled by the engine or handed to it."""

from __future__ import annotations

from collections.abc import Mapping

from imagekit.model.base import Base
from imagekit.model.extension import Extension
from imagekit.model.reference import Reference
from imagekit.oci.image import ConfigChange, Image, OthersLayer, assemble, reference_or_none

_LOCAL = "imagekit-base"
_LOCAL_EXTENSION = "imagekit-extension"


def base_image(base: Base) -> Image:
    """The base itself as an image that can be loaded; its config as the base states it."""
    return assemble(base, (), ConfigChange(created=base.config.created))


def in_registry(base: Base, elsewhere: Mapping[str, str]) -> Reference | None:
    """Where an engine can pull the base by itself; None where we have to hand it over.

    `elsewhere` names registries whose traffic goes to another place, which the engine knows not.
    """
    reference = reference_or_none(base.reference)
    if reference is None or reference.registry in elsewhere:
        return None
    here = reference.at(base.digest)
    origins = {
        layer.origin.at(base.digest) if layer.origin else None for layer in base_image(base).layers
    }
    return here if origins == {here} else None


def from_name(base: Base, elsewhere: Mapping[str, str]) -> str:
    """What FROM names: the reference by digest, else the name under which the base is loaded."""
    reference = in_registry(base, elsewhere)
    return str(reference) if reference else f"{_LOCAL}:{base.digest.hex}"


def extension_name(extension: Extension, elsewhere: Mapping[str, str]) -> str:
    """What COPY --from names; as `from_name`."""
    reference = extension_in_registry(extension, elsewhere)
    return str(reference) if reference else f"{_LOCAL_EXTENSION}:{extension.digest.hex}"


def extension_in_registry(extension: Extension, elsewhere: Mapping[str, str]) -> Reference | None:
    """As `in_registry`."""
    reference = Reference.parse(extension.reference)
    return None if reference.registry in elsewhere else reference.at(extension.digest)


def extension_image(extension: Extension, architecture: str) -> Image:
    """The extension's layers as an image that can be loaded; nothing is ever started in it."""
    layers = tuple(
        OthersLayer(
            digest=layer.digest,
            size_bytes=layer.size_bytes,
            diff_id=layer.diff_id,
            created_by=extension.reference,
            origin=reference_or_none(extension.reference),
        )
        for layer in extension.facts.layers
    )
    return assemble(None, layers, ConfigChange(architecture=architecture))
