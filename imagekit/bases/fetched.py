"""The documents of an image that lies in a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagekit.bases.reading import Documents
from imagekit.model.errors import TooLarge
from imagekit.oci.documents import parse_config, parse_manifest

if TYPE_CHECKING:
    from imagekit.model.reference import Reference
    from imagekit.registry.client import FetchedManifest, Registry
    from imagekit.store import Store

_CONFIG_BYTES = 4 << 20  # as large as a manifest may be


def documents_of(
    registry: Registry, store: Store, pulled: Reference, fetched: FetchedManifest, name: str
) -> Documents:
    """What manifest and config say; the config is kept in `store`. `name` is for errors.

    Errors: CannotBuild for documents that cannot be read, TooLarge, and the registry's.
    """
    manifest = parse_manifest(fetched.data, fetched.media_type, name=name)
    config = manifest.config
    if config.size_bytes > _CONFIG_BYTES:
        raise TooLarge(
            what=f"the config of {name}",
            limit_bytes=_CONFIG_BYTES,
            actual_bytes=config.size_bytes,
        )
    registry.pull_blob(pulled, config, store)
    return Documents(
        digest=fetched.digest,
        family=manifest.family,
        config=parse_config(store.blob_path(config.digest).read_bytes(), name=name),
        layers=manifest.layers,
    )
