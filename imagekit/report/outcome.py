"""Outcomes in words: the plan as a table, a build as one closing line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imagekit.model.lambda_layer import LambdaLayer
from imagekit.model.outcome import LayerOutcome, Outcome
from imagekit.model.packaging import Unpacks
from imagekit.model.sizes import size
from imagekit.report.bars import Row, table
from imagekit.report.plan import footprint_lines, spent_lines, way_lines
from imagekit.report.slim import slim_lines
from imagekit.report.text import seconds

ZIP_LIMIT = "ZIP limit 262"
_INDENT = 4
_ADDED = "imagekit's own"
_NAMED = 3
"""Layers named in a line; the rest are counted."""


def plan_lines(outcome: Outcome, columns: int | None = None) -> Iterator[str]:
    """What a build would make: packaging and why, every layer, distance to the limit.

    Layers have bars where a terminal has `columns`.
    """
    yield f"{outcome.name}  {outcome.packaging}  {outcome.architecture}"
    yield f"  why       {outcome.why}"
    if outcome.base:
        yield f"  base      {outcome.base} ({size(outcome.base_bytes)})"
    for reference, unzipped_bytes in outcome.extensions:
        yield f"  extension {reference} ({size(unzipped_bytes)})"
    if outcome.docker_for:
        yield f"  engine    docker, for {' and '.join(outcome.docker_for)}"
    yield f"  bytecode  {outcome.bytecode or 'none'}"
    yield from slim_lines(outcome.slim)
    if outcome.unpacks:
        yield from _unpacks_lines(outcome.unpacks)
    yield from _attaches_lines(outcome.attaches)
    share = outcome.unzipped_bytes / outcome.limit_bytes
    used = f"{'about ' if outcome.foreseen_bytes else ''}{size(outcome.unzipped_bytes)}"
    yield f"  size      {used} of {size(outcome.limit_bytes)} unzipped ({share:.0%})"
    if outcome.footprint:
        yield from footprint_lines(outcome.footprint)
    yield from spent_lines(outcome.spent)
    yield from way_lines(outcome.ways)
    yield "  layers"
    whole = max(1, sum(layer.unzipped_bytes for layer in outcome.layers))
    rows = []
    for layer in outcome.layers:
        name, *cells = _row(layer, outcome.packaging)
        rows.append(Row(name, layer.unzipped_bytes / whole, tuple(cells)))
    if outcome.added_bytes:
        cells = [size(outcome.added_bytes), "", ""]
        rows.append(Row(_ADDED, min(outcome.added_bytes / whole, 1), tuple(cells)))
    indented = columns - _INDENT if columns is not None else None
    yield from (f"{' ' * _INDENT}{line}" for line in table(rows, indented))


def _unpacks_lines(unpacks: Unpacks) -> Iterator[str]:
    where = f"s3://{unpacks.bucket}" if unpacks.bucket else "the ZIP"
    yield (
        f"  at start  {', '.join(unpacks.layers)}: {size(unpacks.packed_bytes)} in {where}, "
        f"{size(unpacks.disk_bytes)} of /tmp"
    )
    if unpacks.bucket:
        yield f"  role      needs s3:GetObject on arn:aws:s3:::{unpacks.bucket}/imagekit/*"


def _attaches_lines(attaches: Sequence[LambdaLayer]) -> Iterator[str]:
    for number, layer in enumerate(attaches):
        sizes = f"{size(layer.unzipped_bytes)}, {size(layer.size_bytes)} to upload"
        about = "" if layer.digest else "about "
        yield f"  {'attaches' if number == 0 else '':<8}  {layer.name}: {about}{sizes}"


def plan_table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Many plans at one line each: packaging, architecture, size, and what a build would make."""
    rows = [_line(outcome) for outcome in outcomes]
    widths = [max(len(row[column]) for row in rows) for column in range(4)] if rows else []
    for row in rows:
        cells = (row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].ljust(widths[2]))
        yield f"{'  '.join((*cells, row[3].rjust(widths[3])))}  {row[4]}".rstrip()


def _line(outcome: Outcome) -> tuple[str, str, str, str, str]:
    missing = [_row(layer, outcome.packaging)[0] for layer in outcome.layers if not layer.stored]
    shown = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
    state = f"{len(missing)} of {len(outcome.layers)} layers to make: {shown}"
    if outcome.packaging != "image":
        state = f"{len(outcome.layers)} parts"
    elif not missing:
        state = f"{len(outcome.layers)} layers, all stored"
    return (
        outcome.name,
        outcome.packaging,
        outcome.architecture,
        size(outcome.unzipped_bytes),
        state,
    )


def _row(layer: LayerOutcome, packaging: str) -> tuple[str, str, str, str]:
    label = " ".join(layer.packages[0]) if len(layer.packages) == 1 else layer.name
    inside = ", ".join(" ".join(package) for package in layer.packages)
    if layer.record is not None:
        state = f"stored {layer.record.digest.hex[:12]}"
    elif packaging != "image":
        state = "here" if layer.stored else "to fetch"
    else:
        state = "to make"
    return label, size(layer.unzipped_bytes), state, inside if len(layer.packages) > 1 else ""


def closing_line(outcome: Outcome) -> str:
    """What happened, in one line: `scoring  image (421 MB; …)  sent 12 of 433 MB  …  4.1 s`."""
    parts = [outcome.name, f"{outcome.packaging} ({_facts(outcome)})"]
    if outcome.sent_bytes is not None:
        parts.append(f"sent {size(outcome.sent_bytes)} of {size(outcome.size_bytes or 0)}")
    if outcome.steps_run is not None:
        ran, all_steps = len(outcome.steps_run), len(outcome.steps_run) + outcome.steps_cached
        parts.append(f"Docker ran {ran} of {all_steps} steps")
    if outcome.sparse:
        parts.append("without the base's layers (add --complete for all)")
    if outcome.changes:
        shown = outcome.changes[:4]
        more = len(outcome.changes) - len(shown)
        parts.append(", ".join(shown) + (f" and {more} more" if more else ""))
    if outcome.seconds is not None:
        parts.append(seconds(outcome.seconds))
    return "  ".join(parts)


def _facts(outcome: Outcome) -> str:
    if outcome.why.startswith("no wheel"):
        return f"{size(outcome.unzipped_bytes)}; {outcome.why}"
    facts = [size(outcome.unzipped_bytes), ZIP_LIMIT]
    heaviest = max(outcome.layers, key=lambda layer: layer.unzipped_bytes, default=None)
    if heaviest is not None and heaviest.packages:
        facts.append(f"{heaviest.name} {size(heaviest.unzipped_bytes)}")
    if outcome.unpacks:
        facts.append(f"{size(outcome.unpacks.unpacked_bytes)} to /tmp")
    return "; ".join(facts)
