"""Deployments in words and as JSON."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence

from imagekit.model.deployment import Deployed, Status
from imagekit.model.errors import ImagekitError
from imagekit.report.errors import words
from imagekit.report.text import seconds

SCHEMA = 1
_HEX = 12


def closing_lines(done: Sequence[Deployed], *, forward: bool = True) -> Iterator[str]:
    """A row for each function and stage, and what to type next; `forward` is no rollback."""
    yield from (f"{one.name}: {one.created}" for one in done if one.created)
    yield from aligned([tuple(_cells(one)) for one in done])
    if not done or all(one.state == "planned" for one in done):
        return
    if all(one.state == "unchanged" for one in done):
        yield "nothing differs, and nothing was called"
        return
    failed = [one for one in done if one.state in ("failed", "not started")]
    if failed:
        yield f"{len(failed)} of {len(done)} were not done; the same command goes on from here"
    elif not forward:
        named = " ".join(dict.fromkeys(one.function for one in done))
        yield f"forward again: imagekit deploy {named}{_where(done)}"
    elif any(one.was for one in done):
        yield f"back again: imagekit rollback{_options(done)}"


def problem_line(error: ImagekitError) -> str:
    """The error in one line, AWS's own words included."""
    lines = [line.strip() for line in words(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("hint: ")]
    return "; ".join(told).removeprefix("error: ")


def document(done: Iterable[Deployed]) -> str:
    """`{"schema": 1, "functions": […]}`; keys of what did not happen are left out."""
    functions = [_known(_deployed(one)) for one in done]
    return json.dumps({"schema": SCHEMA, "functions": functions}, indent=2)


def status_lines(found: Sequence[Status]) -> Iterator[str]:
    """A row for each function, stage and alias."""
    header = ("function", "stage", "alias", "version", "code", "commit", "base", "before", "state")
    rows = [header, *(tuple(_status_cells(one)) for one in found)]
    kept = [index for index in range(len(header)) if any(row[index] for row in rows[1:])]
    yield from aligned([tuple(row[index] for index in kept) for row in rows])


def status_document(found: Iterable[Status]) -> str:
    """The same as one JSON document."""
    functions = [
        _known(
            {
                "function": one.function,
                "name": one.name,
                "stage": one.stage,
                "alias": one.alias,
                "version": one.version,
                "image": one.image,
                "code_sha256": one.code,
                "commit": one.note.commit,
                "base": one.note.base,
                "was": one.note.was,
                "previous": one.previous,
                "routing": dict(one.routing) or None,
                "state": one.state,
                "reason": one.reason,
            }
        )
        for one in found
    ]
    return json.dumps({"schema": SCHEMA, "functions": functions}, indent=2)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as their widest cell, two spaces apart."""
    if not rows:
        return
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _cells(one: Deployed) -> Iterator[str]:
    yield one.function
    yield one.stage or ""
    yield one.state
    yield _moved(one)
    yield _code(one.image, one.zip_sha256)
    yield f"git {one.note.commit}" if one.note.commit else ""
    yield one.problem or (seconds(one.seconds) if one.seconds and one.steps else "")


def _moved(one: Deployed) -> str:
    if one.state not in ("done", "unchanged"):
        return ""
    version = one.version or ""
    if one.was and one.was != version:
        version = f"{one.was}→{version}"
    return f"{one.alias} {version}" if one.alias else f"version {version}"


def _code(image: str | None, sha256: str | None) -> str:
    if image:
        return f"image {image.rpartition(':')[2][:_HEX]}"
    return f"zip {sha256[:_HEX]}" if sha256 else ""


def _status_cells(one: Status) -> Iterator[str]:
    routing = ", ".join(f"{share:.0%} to {version}" for version, share in one.routing)
    yield one.function
    yield one.stage or ""
    yield one.alias or ""
    yield (one.version or "not deployed") + (f" ({routing})" if routing else "")
    yield _short(one.image or one.code or "")
    yield one.note.commit or ""
    yield one.note.base or ""
    yield _before(one)
    yield one.reason or ("" if one.state in (None, "Active") else one.state)


def _before(one: Status) -> str:
    if one.previous is None:
        return ""
    code = _short(one.previous)
    return f"{one.note.was} {code}" if one.note.was else code


def _short(code: str) -> str:
    """The first digits of a digest, whichever way Lambda writes it (lambda_rules L8)."""
    if "@sha256:" in code:
        return code.rpartition(":")[2][:_HEX]
    try:
        return (
            base64.b64decode(code, validate=True).hex()[:_HEX]
            if code.endswith("=")
            else code[:_HEX]
        )
    except ValueError:
        return code[:_HEX]


def _options(done: Sequence[Deployed]) -> str:
    functions = dict.fromkeys(one.function for one in done)
    named = f" {next(iter(functions))}" if len(functions) == 1 else " --all"
    return f"{named}{_where(done)}"


def _where(done: Sequence[Deployed]) -> str:
    """The stages, or the alias where there are none."""
    stages = dict.fromkeys(one.stage for one in done if one.stage)
    alias = {one.alias for one in done}
    told = "".join(f" --stage {stage}" for stage in stages)
    only = alias.pop() if len(alias) == 1 else None
    return f"{told}{f' --alias {only}' if only and not stages else ''}"


def _deployed(one: Deployed) -> dict[str, object]:
    return {
        "function": one.function,
        "name": one.name,
        "stage": one.stage,
        "state": one.state,
        "arn": one.arn,
        "version": one.version,
        "was": one.was,
        "alias": one.alias,
        "image": one.image,
        "zip_sha256": one.zip_sha256,
        "commit": one.note.commit,
        "base": one.note.base,
        "steps": list(one.steps) or None,
        "problem": one.problem,
        "seconds": None if one.seconds is None else round(one.seconds, 3),
    }


def _known(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}
