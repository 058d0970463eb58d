"""What an image's own history tells of its layers, so that the registry is the cache (decision 4).

The comment of a layer's history entry is a compact JSON object with what a LayerRecord says. A
runner with an empty disk reads it back and reuses the layer by its digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from imagekit.model.digest import Digest
from imagekit.model.image import LAYER, Descriptor, History, ImageConfig, LayerRecord, Manifest
from imagekit.oci.layer import record_from_json, record_to_json
from imagekit.oci.values import canonical, parse_object

VERSION: Final = 1
SOURCE: Final = "imagekit source"
"""What created the layer of a project's own files, in the words of its entry."""

_MARK: Final = "imagekit"
_CARRIED: Final = "wheels"


def comment(record: LayerRecord) -> str:
    """The comment that stands for a layer; its size stands in the manifest."""
    facts = record_to_json(record)
    del facts["size_bytes"]
    return canonical({_MARK: VERSION, **facts}).decode()


def parse_comment(text: str, blob: Descriptor) -> LayerRecord | None:
    """Read it back; None for anybody else's comment, or where it tells of another blob.

    Tools that copy images may compress layers anew: the diff_id stays, the blob is another one,
    and an image with it would not be the one that is built from nothing.
    """
    try:
        facts = dict(parse_object(text.encode()))
        if facts.pop(_MARK, None) != VERSION:
            return None
        record = record_from_json({**facts, "size_bytes": blob.size_bytes})
    except ValueError:
        return None
    return record if record.digest == blob.digest else None


def carried_entry(carried: Sequence[Mapping[str, object]]) -> History:
    """The entry, of no layer, that carries what was measured of the image's packages."""
    text = canonical({_MARK: VERSION, _CARRIED: [dict(one) for one in carried]}).decode()
    return History(created_by="imagekit facts", comment=text, empty_layer=True)


def carried_by(config: ImageConfig) -> tuple[Mapping[str, object], ...]:
    """What `carried_entry` was given; nothing where no entry makes sense."""
    for entry in config.history:
        if not entry.empty_layer:
            continue
        try:
            facts = parse_object(entry.comment.encode())
        except ValueError:
            continue
        found = facts.get(_CARRIED)
        if facts.get(_MARK) == VERSION and isinstance(found, list):
            return tuple(one for one in found if isinstance(one, dict))
    return ()


def reusable_layers(manifest: Manifest, config: ImageConfig) -> dict[Digest, LayerRecord]:
    """Layers of an image that imagekit made, by the fingerprint of their recipe.

    Nothing where the history has not one entry for each layer, as after squashing; and no layer
    whose comment tells of another diff_id than the config, as after `docker commit`.
    """
    history = layer_history(config)
    if not len(history) == len(config.diff_ids) == len(manifest.layers):
        return {}
    found: dict[Digest, LayerRecord] = {}
    for entry, diff_id, blob in zip(history, config.diff_ids, manifest.layers, strict=True):
        if blob.media_type not in LAYER.values():
            continue
        record = parse_comment(entry.comment, blob)
        if record and record.diff_id == diff_id:
            found[record.fingerprint] = record
    return found


def shared_layers(manifest: Manifest, config: ImageConfig) -> tuple[LayerRecord, ...]:
    """As `reusable_layers`, without that of a project's own files: no other project has it."""
    own = {entry.comment for entry in config.history if entry.created_by == SOURCE}
    found = reusable_layers(manifest, config).values()
    return tuple(record for record in found if comment(record) not in own)


def layer_history(config: ImageConfig) -> tuple[History, ...]:
    """The entries that stand for a layer; the others are settings."""
    return tuple(entry for entry in config.history if not entry.empty_layer)


def settled_history(config: ImageConfig) -> tuple[History, ...]:
    """The history, with one entry for each layer: a base may have none, or another number."""
    if len(layer_history(config)) == len(config.diff_ids):
        return config.history
    return tuple(History(created_by="base layer") for _ in config.diff_ids)
