"""The rules over an image's two documents (lambda_rules, 1), without any layer's bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from imagekit.check.documents import RawConfig, RawManifest
from imagekit.check.findings import Finding, Findings, Rule
from imagekit.check.limits import (
    FAST_MANIFEST_BYTES,
    MAX_LAYERS,
    MAX_MANIFEST_CHARACTERS,
    MAX_SETTINGS_BYTES,
    MAX_TAR_BYTES,
)
from imagekit.check.opened import OpenImage
from imagekit.check.rules import (
    E10,
    M1,
    M2,
    M2B,
    M4,
    M5,
    M6,
    M7,
    M8,
    M9,
    M10,
    M11,
    M12,
    M13,
    M14,
    M15,
    M16,
    M17,
    M18,
    M20,
    R3,
    R7,
    T6,
    T7,
    T8,
)
from imagekit.model.digest import Digest
from imagekit.model.image import CONFIG, INDEXES, LAYER, MANIFEST, Family

MANIFEST_RULES: Final[tuple[Rule, ...]] = (
    *(M1, M2, M2B, M4, M5, M6, M7, M8, M9, M10, M11, M12, M20, E10, T7, T8),
)
CONFIG_RULES: Final[tuple[Rule, ...]] = (M13, M14, M17, M18, M20, R3, R7)

_MANIFEST = "the manifest"
_CONFIG = "the config"
_EMPTY: Final = Digest.of(b"")
_ARCHITECTURES: Final = {"x86_64": "amd64", "arm64": "arm64"}

# The part of a media type that tells one kind of layer from another, with the rule that forbids it.
_FORBIDDEN: Final[tuple[tuple[str, Rule, str], ...]] = (
    ("in-toto", M2B, "is an attestation"),
    ("foreign", M9, "is foreign: its bytes may not be in the registry"),
    ("nondistributable", M9, "is non-distributable: its bytes may not be in the registry"),
    ("+zstd", M8, "is compressed with zstd"),
)
_UNCOMPRESSED: Final[dict[str, Rule]] = {
    "application/vnd.docker.image.rootfs.diff.tar": M6,
    "application/vnd.oci.image.layer.v1.tar": M7,
}


UNREADABLE: Final = M1.found(_MANIFEST, "is no JSON object")


def kind_of_manifest(image: OpenImage, manifest: RawManifest) -> Finding | None:
    """Why it is no single image's manifest; nothing else can be judged then."""
    if image.media_type in INDEXES or manifest.is_index:
        more = ", with attestations beside the image" if manifest.attestations else ""
        return M2.found(_MANIFEST, f"is an index ({image.media_type}){more}")
    if image.media_type not in MANIFEST.values():
        return M1.found(_MANIFEST, f"is of the type {image.media_type or 'unknown'}")
    return None


def check_manifest(image: OpenImage, manifest: RawManifest) -> Findings:
    """Every rule over the manifest alone."""
    ours = image.ours
    if not manifest.media_type:
        yield E10.found(_MANIFEST, "does not state its media type", ours=ours)
    elif manifest.media_type != image.media_type:
        what = f"says it is {manifest.media_type}, and is served as {image.media_type}"
        yield M1.found(_MANIFEST, what)
    yield from _sizes(manifest)
    if manifest.config.media_type not in CONFIG.values():
        yield M4.found(_MANIFEST, f"its config is {manifest.config.media_type or 'of no type'}")
    for index, layer in enumerate(manifest.layers):
        made_here = index < len(image.layers) and image.layers[index].ours
        yield from _layer_type(f"layer {index}", layer.media_type, ours=made_here)
        if layer.size_bytes == 0 or layer.digest == str(_EMPTY):
            yield T8.found(f"layer {index}", "is a blob of zero bytes")
    yield from _family(image, manifest)
    config = Digest.of(image.config_bytes)
    if manifest.config.digest != str(config):
        yield M20.found(_CONFIG, f"is {config}; the manifest says {manifest.config.digest}")


def _sizes(manifest: RawManifest) -> Findings:
    if manifest.characters > MAX_MANIFEST_CHARACTERS:
        yield M12.found(_MANIFEST, f"has {manifest.characters:,} characters")
    elif manifest.length >= FAST_MANIFEST_BYTES:
        yield M11.found(_MANIFEST, f"has {manifest.length:,} bytes: fewer layers start faster")
    if not manifest.layers:
        yield T8.found(_MANIFEST, "has no layers")
    if len(manifest.layers) > MAX_LAYERS:
        yield T7.found(_MANIFEST, f"has {len(manifest.layers)} layers")


def _layer_type(place: str, media_type: str, *, ours: bool) -> Findings:
    if media_type in LAYER.values():
        return
    if rule := _UNCOMPRESSED.get(media_type):
        yield rule.found(place, f"is not compressed ({media_type})", ours=ours)
        return
    for part, rule, what in _FORBIDDEN:
        if part in media_type:
            yield rule.found(place, f"{what} ({media_type})")
            return
    yield M5.found(place, f"is of the type {media_type or 'unknown'}")


def _family(image: OpenImage, manifest: RawManifest) -> Findings:
    family = next(family for family, kind in MANIFEST.items() if kind == image.media_type)
    named = (manifest.config, *manifest.layers)
    strangers = {one.media_type for one in named if _other_family(one.media_type, family)}
    if strangers:
        what = f"is {family}, and names {', '.join(sorted(strangers))}"
        yield M10.found(_MANIFEST, what, ours=image.ours)


def _other_family(media_type: str, family: Family) -> bool:
    other: Family = "docker" if family == "oci" else "oci"
    return media_type in (CONFIG[other], LAYER[other])


def check_config(image: OpenImage, config: RawConfig) -> Findings:
    """Every rule over the config alone."""
    if config.os != "linux":
        yield M17.found(_CONFIG, f"says os {config.os!r}")
    yield from _architecture(image, config)
    if config.settings_bytes > MAX_SETTINGS_BYTES:
        yield M13.found(_CONFIG, _too_long(config))
    if config.ignored:
        yield M14.found(_CONFIG, f"Lambda ignores {', '.join(config.ignored)}")
    if not config.argv:
        yield M15.found(_CONFIG, "there is neither ENTRYPOINT nor CMD")
    elif not config.argv[0].startswith("/"):
        yield M15.found(_CONFIG, f"{config.argv[0]!r} is not an absolute path")
    if config.working_dir and not config.working_dir.startswith("/"):
        yield M16.found(_CONFIG, f"WORKDIR {config.working_dir!r} is not absolute")
    yield from _count(image, config)
    if config.is_aws:
        yield from _aws_environment(config)


def _too_long(config: RawConfig) -> str:
    """The limit, and who takes most of it by name: a value may be a secret."""
    sizes = {name: len(text.encode()) for name, text in config.env.items()}
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:3]
    named = ", ".join(f"{name} {sizes[name]:,}" for name in largest)
    return (
        f"ENTRYPOINT, CMD, WORKDIR and ENV take {config.settings_bytes:,} bytes; "
        f"Lambda takes {MAX_SETTINGS_BYTES:,}" + (f" (largest: {named})" if named else "")
    )


def _architecture(image: OpenImage, config: RawConfig) -> Findings:
    if image.architecture and _ARCHITECTURES[image.architecture] != config.architecture:
        what = f"is for {config.architecture or 'nothing'}; the function is {image.architecture}"
        yield M18.found(_CONFIG, what)
    elif config.architecture not in _ARCHITECTURES.values():
        yield M18.found(_CONFIG, f"is for {config.architecture or 'nothing'}, not amd64 or arm64")


def _count(image: OpenImage, config: RawConfig) -> Findings:
    if config.diff_ids is None:
        yield M20.found(_CONFIG, "has no rootfs.diff_ids")
    elif len(config.diff_ids) != len(image.layers):
        what = f"has {len(config.diff_ids)} diff_ids for {len(image.layers)} layers"
        yield M20.found(_CONFIG, what)


def _aws_environment(config: RawConfig) -> Findings:
    for name, folder in (("PATH", "/var/lang/bin"), ("LD_LIBRARY_PATH", "/var/lang/lib")):
        if folder not in config.env.get(name, "").split(":"):
            yield R3.found(_CONFIG, f"{name} has lost {folder}")
    path = config.env.get("PYTHONPATH")
    if path is not None and "/var/runtime" not in path.split(":"):
        yield R7.found(_CONFIG, f"PYTHONPATH={path} takes /var/runtime away")


def check_total(tar_bytes: Iterator[int]) -> Findings:
    """All layers together, uncompressed; what a later layer deletes counts all the same."""
    total = sum(tar_bytes)
    if total > MAX_TAR_BYTES:
        yield T6.found("the layers", f"unpack to {total:,} bytes or more")
