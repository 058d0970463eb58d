"""A release as a page of Markdown, for the summary of a pipeline's run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from imagekit.model.deployment import Deployed
from imagekit.model.outcome import Outcome
from imagekit.model.sizes import size


def summary(outcomes: Sequence[Outcome], done: Sequence[Deployed]) -> str:
    """Two tables: what was built and sent, and what runs where now."""
    return "\n".join([*_built(outcomes), *_deployed(done), ""])


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
