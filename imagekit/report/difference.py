"""What differs between two artefacts, in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from imagekit.check.inventory.chunks import CHUNK_BYTES, ChunkEstimate
from imagekit.check.inventory.difference import Change, Difference, FileChange, LayerChange
from imagekit.model.sizes import size
from imagekit.report.text import percent

SCHEMA = 1
_SHOWN = 20


def difference_lines(found: Difference) -> Iterator[str]:
    """From `before` to `after`: what a person wants to know before it goes out."""
    yield f"{found.before} → {found.after}"
    if found.same:
        yield "  nothing differs"
        return
    yield f"  packages  {_packages(found.packages)}"
    if found.layers_kept or found.layers_added or found.layers_removed:
        yield f"  layers    {_layers(found)}"
    yield f"  push      {_push(found)}"
    yield f"  files     {_counts(found.files)}"
    if found.chunks is not None:
        yield f"  chunks    {_chunks(found.chunks)}"
    for layer in found.unread:
        yield f"  unread    {layer}"
    for file in sorted(found.files, key=_weight)[:_SHOWN]:
        yield f"    {_file(file)}"
    if len(found.files) > _SHOWN:
        yield f"    and {len(found.files) - _SHOWN} more; --json lists them all"


def difference_json(found: Difference) -> str:
    """The same as one JSON document."""
    layers = {
        "kept": found.layers_kept,
        "added": [_layer_json(layer) for layer in found.layers_added],
        "removed": [_layer_json(layer) for layer in found.layers_removed],
    }
    document = {
        "schema": SCHEMA,
        "before": found.before,
        "after": found.after,
        "same": found.same,
        "packages": [
            {"name": one.name, "before": one.before, "after": one.after} for one in found.packages
        ],
        "layers": layers,
        "push_bytes": found.push_bytes,
        "size_bytes": found.size_bytes,
        "files": [
            {
                "path": one.path,
                "before_bytes": one.before_bytes,
                "after_bytes": one.after_bytes,
            }
            for one in found.files
        ],
        "chunks": _chunks_json(found.chunks) if found.chunks else None,
        "unread": list(found.unread),
    }
    return json.dumps(document, indent=2)


def _packages(changes: Sequence[Change]) -> str:
    words = [
        f"{one.name} {one.before}→{one.after}"
        if one.before and one.after
        else (f"+{one.name} {one.after}" if one.after else f"-{one.name} {one.before}")
        for one in changes
    ]
    return ", ".join(words) or "the same"


def _layers(found: Difference) -> str:
    parts = [f"{found.layers_kept} kept"]
    for word, layers in (("new", found.layers_added), ("gone", found.layers_removed)):
        if layers:
            named = ", ".join(_layer(layer) for layer in layers[:_SHOWN])
            parts.append(f"{len(layers)} {word} ({named})")
    return "; ".join(parts)


def _layer(layer: LayerChange) -> str:
    return layer.name if layer.size_bytes is None else f"{layer.name} {size(layer.size_bytes)}"


def _push(found: Difference) -> str:
    if found.push_bytes is None or found.size_bytes is None:
        return "not known: it has no manifest yet"
    return f"{size(found.push_bytes)} of {size(found.size_bytes)} compressed"


def _counts(files: Sequence[FileChange]) -> str:
    added = [one.after_bytes or 0 for one in files if one.before_bytes is None]
    removed = [one.before_bytes or 0 for one in files if one.after_bytes is None]
    changed = len(files) - len(added) - len(removed)
    words = (
        f"{changed} changed" if changed else "",
        f"{len(added)} added ({size(sum(added))})" if added else "",
        f"{len(removed)} removed ({size(sum(removed))})" if removed else "",
    )
    return ", ".join(word for word in words if word) or "the same"


def _chunks(found: ChunkEstimate) -> str:
    least, most = sorted((found.new_at_least, found.new_at_most))
    new = f"{most}" if least == most else f"{least} to {most}"
    known = percent(1 - most / found.chunks if found.chunks else 1)
    return (
        f"{new} of {found.chunks} (512 KiB each) are new to Lambda's loader, which has at least "
        f"{known} already: an estimate, as Lambda's own layout is not public"
    )


def _chunks_json(found: ChunkEstimate) -> dict[str, object]:
    return {
        "size_bytes": CHUNK_BYTES,
        "total": found.chunks,
        "new_at_least": found.new_at_least,
        "new_at_most": found.new_at_most,
        "estimate": True,
    }


def _layer_json(layer: LayerChange) -> dict[str, object]:
    return {"name": layer.name, "digest": layer.digest, "size_bytes": layer.size_bytes}


def _weight(file: FileChange) -> tuple[int, str]:
    return -max(file.before_bytes or 0, file.after_bytes or 0), file.path


def _file(file: FileChange) -> str:
    if file.before_bytes is None:
        return f"+ {file.path} ({size(file.after_bytes or 0)})"
    if file.after_bytes is None:
        return f"- {file.path} ({size(file.before_bytes)})"
    grown = f"{size(file.before_bytes)} → {size(file.after_bytes)}"
    return f"~ {file.path} ({grown if file.before_bytes != file.after_bytes else 'same size'})"
