"""A release as a page of Markdown, for the summary of a pipeline's run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from imagekit.model.deployment import Deployed, Step
from imagekit.model.outcome import Outcome
from imagekit.model.sizes import size

SCHEMA = 1


def summary(outcomes: Sequence[Outcome], done: Sequence[Deployed]) -> str:
    """Two tables: what was built and sent, and what runs where now."""
    return "\n".join([*_built(outcomes), *_deployed(done), ""])


def plan_lines(steps: Iterable[Step]) -> Iterator[str]:
    """A line for each step, with the function and its stage."""
    for one in steps:
        where = f"{one.function} ({one.stage})" if one.stage else one.function
        yield f"{where}: {one.what}"


def plan_document(steps: Iterable[Step]) -> str:
    """`{"schema": 1, "steps": [{"function", "stage", "what"}]}`; `stage` is null without one."""
    found = [{"function": one.function, "stage": one.stage, "what": one.what} for one in steps]
    return json.dumps({"schema": SCHEMA, "steps": found}, indent=2)


def _built(outcomes: Iterable[Outcome]) -> Iterator[str]:
    yield from _header("function", "artefact", "unzipped", "sent", "changed")
    for one in outcomes:
        artefact = f"`{one.reference or one.path}`"
        sent = "" if one.sent_bytes is None else size(one.sent_bytes)
        changed = ", ".join(one.changes)
        yield f"| {one.name} | {artefact} | {size(one.unzipped_bytes)} | {sent} | {changed} |"


def _deployed(done: Sequence[Deployed]) -> Iterator[str]:
    if not done:
        return
    yield ""
    yield from _header("function", "stage", "alias", "version", "before", "state")
    for one in done:
        state = one.problem or one.state
        cells = (one.name, one.stage, one.alias, one.version, one.was, state)
        yield f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _header(*names: str) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield f"| {' | '.join('---' for _ in names)} |"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")
