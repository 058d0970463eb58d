"""What lies in a layer, kept: the next version of a base has most of its layers in common.

An upgrade then downloads the layers that are new and no others.
"""

from __future__ import annotations

from typing import get_args

from imagekit.bases.listing import Kind, Listing, Node
from imagekit.model.digest import Digest
from imagekit.oci.values import Object, as_object, number_at, object_at, text_at, texts_at
from imagekit.store import Store

KIND = "listing"
_SCHEMA = 1
"""Raised when more is read of a layer, or it is read otherwise."""

_KINDS: tuple[Kind, ...] = get_args(Kind)


def keep_listing(store: Store, digest: Digest, diff_id: Digest, listing: Listing) -> None:
    """Keep what was read of a layer, which has both these digests."""
    nodes = {path: _node_to_json(node) for path, node in listing.nodes.items()}
    record: dict[str, object] = {
        "schema": _SCHEMA,
        "diff_id": str(diff_id),
        "tar_bytes": listing.tar_bytes,
        "nodes": nodes,
        "removed": sorted(listing.removed),
        "emptied": sorted(listing.emptied),
    }
    store.put_record(KIND, digest.hex, record)


def kept_listing(store: Store, digest: Digest, diff_id: Digest) -> Listing | None:
    """What was read before of the layer; None where it was not, or under another diff_id."""
    found = store.record(KIND, digest.hex)
    if found is None or found.get("schema") != _SCHEMA or found.get("diff_id") != str(diff_id):
        return None
    try:
        return Listing(
            nodes={
                path: _node_from_json(as_object(node, path))
                for path, node in object_at(found, "nodes").items()
            },
            removed=set(texts_at(found, "removed")),
            emptied=set(texts_at(found, "emptied")),
            tar_bytes=number_at(found, "tar_bytes"),
        )
    except ValueError:
        return None


def _node_to_json(node: Node) -> dict[str, object]:
    value = {
        "k": _KINDS.index(node.kind),
        "l": node.link,
        "v": list(node.versions),
        "s": node.size_bytes,
        "p": list(node.paths),
    }
    return {key: part for key, part in value.items() if part or key == "k"}


def _node_from_json(value: Object) -> Node:
    kind = number_at(value, "k")
    if kind >= len(_KINDS):
        raise ValueError(f"{kind} is no kind of node")
    return Node(
        _KINDS[kind],
        text_at(value, "l"),
        texts_at(value, "v"),
        number_at(value, "s", 0),
        texts_at(value, "p"),
    )
