"""Bases that were built or published: closing lines, and the JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from imagekit.model.base_outcome import BaseOutcome
from imagekit.model.sizes import size
from imagekit.report.json import SCHEMA, layer_document
from imagekit.report.text import seconds

_SHOWN = 4


def closing_lines(outcome: BaseOutcome) -> Iterator[str]:
    """What happened, in one line: `team  x86_64  base (214 MB; …)  sent 3 of 88 MB  2.1 s`."""
    shared = [" ".join(one) for layer in outcome.layers for one in layer.packages]
    more = len(shared) - _SHOWN
    facts = [size(outcome.unzipped_bytes), ", ".join(shared[:_SHOWN])]
    facts[1] += f" and {more} more" if more > 0 else ""
    parts = [outcome.name, outcome.architecture, f"base ({'; '.join(filter(None, facts))})"]
    if outcome.there:
        parts.append("is there already, with the same content")
    elif outcome.sent_bytes is not None:
        whole = outcome.size_bytes * (1 + len(outcome.elsewhere))
        parts.append(f"sent {size(outcome.sent_bytes)} of {size(whole)}")
    if outcome.sparse:
        parts.append("without the layers that a registry has (add --complete for all)")
    if outcome.seconds is not None:
        parts.append(seconds(outcome.seconds))
    yield "  ".join(parts)
    for reference in outcome.elsewhere:
        yield f"{outcome.name}  {outcome.architecture}  also {reference}"


def how_to_name(name: str, repository: str, tag: str) -> str:
    """What a project types to build on what was published."""
    return f'in a project: [tool.imagekit.bases] {name} = "{repository}:{tag}"'


def document(outcomes: Iterable[BaseOutcome]) -> str:
    """`{"schema": 1, "bases": […]}`; keys of what did not happen are left out."""
    return json.dumps({"schema": SCHEMA, "bases": [_base(one) for one in outcomes]}, indent=2)


def _base(outcome: BaseOutcome) -> dict[str, object]:
    always: dict[str, object] = {
        "name": outcome.name,
        "architecture": outcome.architecture,
        "from": outcome.parent,
        "digest": str(outcome.digest),
        "unzipped_bytes": outcome.unzipped_bytes,
        "size_bytes": outcome.size_bytes,
        "layers": [layer_document(layer) for layer in outcome.layers],
    }
    sometimes = {
        "path": outcome.path and str(outcome.path),
        "references": list(outcome.references) or None,
        "elsewhere": list(outcome.elsewhere) or None,
        "there": outcome.there or None,
        "sent_bytes": outcome.sent_bytes,
        "mounted_bytes": outcome.mounted_bytes,
        "seconds": outcome.seconds and round(outcome.seconds, 3),
    }
    return always | {key: value for key, value in sometimes.items() if value is not None}
