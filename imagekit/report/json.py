"""Outcomes as the JSON document of `plan --json` and `build --json`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from imagekit.model.advice import way_json
from imagekit.model.budget import Spent
from imagekit.model.footprint import footprint_json
from imagekit.model.lambda_layer import layer_document as attached_document
from imagekit.model.outcome import LayerOutcome, Outcome
from imagekit.model.packaging import Unpacks
from imagekit.model.slim import NOTHING_LEFT_OUT, Slimmed

SCHEMA = 1


def document(outcomes: Iterable[Outcome]) -> str:
    """`{"schema": 1, "functions": […]}`; keys of what did not happen are left out."""
    functions = [_function(outcome) for outcome in outcomes]
    return json.dumps({"schema": SCHEMA, "functions": functions}, indent=2)


def _function(outcome: Outcome) -> dict[str, object]:
    always: dict[str, object] = {
        "name": outcome.name,
        "architecture": outcome.architecture,
        "packaging": outcome.packaging,
        "why": outcome.why,
        "unzipped_bytes": outcome.unzipped_bytes,
        "limit_bytes": outcome.limit_bytes,
        "layers": [layer_document(layer) for layer in outcome.layers],
    }
    if outcome.extensions:
        always["extensions"] = [
            {"reference": reference, "unzipped_bytes": unzipped_bytes}
            for reference, unzipped_bytes in outcome.extensions
        ]
    sometimes = {
        "estimated": ["unzipped_bytes"] if outcome.foreseen_bytes else None,
        "base_bytes": outcome.base_bytes or None,
        "added_bytes": outcome.added_bytes or None,
        "others_bytes": outcome.others_bytes or None,
        "footprint": outcome.footprint and footprint_json(outcome.footprint),
        "ways": [way_json(way) for way in outcome.ways] or None,
        "budget": [spent_document(one) for one in outcome.spent] or None,
        "slim": slim_document(outcome.slim),
        "unpacks": outcome.unpacks and unpacks_document(outcome.unpacks),
        "attaches": [attached_document(one) for one in outcome.attaches] or None,
        "path": outcome.path and str(outcome.path),
        "reference": outcome.reference,
        "digest": outcome.digest and str(outcome.digest),
        "sent_bytes": outcome.sent_bytes,
        "mounted_bytes": outcome.mounted_bytes,
        "docker_for": list(outcome.docker_for) or None,
        "image_id": outcome.image_id,
        "steps": None
        if outcome.steps_run is None
        else {"run": list(outcome.steps_run), "cached": outcome.steps_cached},
        "seconds": outcome.seconds and round(outcome.seconds, 3),
    }
    return always | {key: value for key, value in sometimes.items() if value is not None}


def spent_document(spent: Spent) -> dict[str, object]:
    """One limit of a budget, and how much of it is used."""
    return {
        "key": spent.key,
        "limit_bytes": spent.limit_bytes,
        "used_bytes": spent.used_bytes,
        "left_bytes": spent.left_bytes,
        "estimated": spent.estimated,
    }


def slim_document(slim: Slimmed) -> dict[str, object] | None:
    """What an artefact is made without; None where that is nothing."""
    if slim == NOTHING_LEFT_OUT:
        return None
    return {
        "profile": slim.profile,
        "saved": [
            {"reason": one.reason, "unzipped_bytes": one.unzipped_bytes, "files": one.files}
            for one in slim.saved
        ],
        "left_out": [{"package": one.package, "why": one.why} for one in slim.left_out],
    }


def unpacks_document(unpacks: Unpacks) -> dict[str, object]:
    """What is unpacked to `/tmp` at start; keys of what is not known are left out."""
    found = {
        "layers": list(unpacks.layers),
        "packed_bytes": unpacks.packed_bytes,
        "unpacked_bytes": unpacks.unpacked_bytes,
        "disk_bytes": unpacks.disk_bytes,
        "digest": unpacks.digest and str(unpacks.digest),
        "bucket": unpacks.bucket,
        "key": unpacks.key,
        "path": unpacks.path and str(unpacks.path),
    }
    return {key: value for key, value in found.items() if value is not None}


def layer_document(layer: LayerOutcome) -> dict[str, object]:
    """One layer, of a function or a base."""
    found: dict[str, object] = {
        "packages": [f"{name} {version}" for name, version in layer.packages],
        "fingerprint": layer.fingerprint.hex,
        "unzipped_bytes": layer.unzipped_bytes,
        "stored": layer.stored,
    }
    if layer.record is not None:
        found |= {
            "digest": str(layer.record.digest),
            "diff_id": str(layer.record.diff_id),
            "size_bytes": layer.record.size_bytes,
        }
    return found
