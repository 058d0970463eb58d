"""What is known of a Lambda extension's image once it was read."""

from __future__ import annotations

from msgspec import Struct

from imagekit.model.digest import Digest


class ExtensionLayer(Struct, frozen=True, kw_only=True):
    """One layer of the image, a tar compressed with gzip; its media type follows the base's."""

    digest: Digest
    """Of the compressed blob."""
    size_bytes: int
    """Compressed."""
    diff_id: Digest
    tar_bytes: int
    """Uncompressed tar: what Lambda's 10 GiB are counted in (lambda_rules T6)."""


class ExtensionFacts(Struct, frozen=True, kw_only=True):
    """What plans need, read from the layers once and kept in `imagekit.lock`."""

    layers: tuple[ExtensionLayer, ...]
    programs: tuple[str, ...] = ()
    """Names in `/opt/extensions`, each of which Lambda starts; sorted."""
    places: tuple[str, ...] = ()
    """What it fills below `/opt`: names that are its own, such as `extensions/agent`; sorted."""
    packages: tuple[tuple[str, str], ...] = ()
    """Name and version of the Python packages that it brings where functions look."""
    glibc: str | None = None
    """The newest glibc that one of the programs asks for, such as `2.28`."""

    @property
    def unzipped_bytes(self) -> int:
        """Sum of the uncompressed layer tars."""
        return sum(layer.tar_bytes for layer in self.layers)


class Extension(Struct, frozen=True, kw_only=True):
    """One architecture of an extension, pinned by digest."""

    name: str
    """As the configuration says it."""
    reference: str
    """Where it lies: `registry/repository:tag@sha256:…`."""
    digest: Digest
    """Of its manifest."""
    facts: ExtensionFacts
