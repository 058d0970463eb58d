"""`imagekit build`: the whole program on one screen.

    configuration ─→ plans ─→ artefacts, checked ─→ disk, registry, Docker

Everything uncertain is decided by `planning` and kept in `imagekit.lock`; no image and no ZIP
leaves this machine before every artefact of the run is made and checked. Only layers may be on
their way before that, once the files of all of them were looked at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from imagekit.model.image import NewLayer
from imagekit.model.outcome import Outcome
from imagekit.pipeline.bases.reminder import remind
from imagekit.pipeline.deliver import Delivery
from imagekit.pipeline.make import By, make
from imagekit.pipeline.planning.budget import Budgets
from imagekit.pipeline.pushing.known import NOTHING_KNOWN, Cache, Known
from imagekit.pipeline.request import Outputs, Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.pipeline.writable import require_files, write_file
from imagekit.report.json import document
from imagekit.report.outcome import closing_line


def run(
    workshop: Workshop,
    request: Request,
    outputs: Outputs,
    *,
    json: bool = False,
    metadata_file: Path | None = None,
) -> tuple[Outcome, ...]:
    """Build what was asked for and say so: answers on stdout, a closing line for each on stderr.

    Raises ImagekitError; what was not delivered by then is left as it was.
    """
    require_files([("--metadata-file", metadata_file)])
    outcomes = build(workshop, request, outputs)
    _tell(workshop, outcomes, json=json, metadata_file=metadata_file)
    return outcomes


def build(
    workshop: Workshop,
    request: Request,
    outputs: Outputs,
    known: Known = NOTHING_KNOWN,
) -> tuple[Outcome, ...]:
    """The same without a word of what was made; `known` is what the caller found out by now."""
    began = time.monotonic()
    session = Session.open(workshop, request, project=known.project)
    cache = Cache.open(session, outputs, known.deployed)
    session = session.reusing(cache.previous)
    plans = session.plans()
    if all(plan.packaging != "image" for plan in plans):
        outputs.require_images([plan.function for plan in plans])
    session.decisions.save()
    if known.require is not None:
        known.require(plans)
    remind(workshop, session.decisions.lock, plans)
    budgets = Budgets(session=session, previous=cache.previous)
    budgets.require_foreseen(plans)
    delivery = Delivery.prepare(session, outputs, plans, cache)
    with workshop.console.stage("make"):
        made = make(
            workshop,
            session.packages,
            plans,
            _nowhere if budgets.limit(plans) else delivery.send_ahead,
            by=By(engine=outputs.engine, keep=outputs.load),
            previous=cache.previous,
        )
    budgets.require(made)
    with workshop.console.stage("deliver"):
        return delivery.deliver_all(made, began)


def _nowhere(layer: NewLayer) -> None:
    """What may be over its budget once it is made leaves when all of it is known."""


def _tell(
    workshop: Workshop, outcomes: Sequence[Outcome], *, json: bool, metadata_file: Path | None
) -> None:
    if json:
        workshop.console.answer(document(outcomes))
    for outcome in outcomes:
        workshop.console.say(closing_line(outcome))
        if not json:
            workshop.console.answer(str(outcome.reference or outcome.path))
    if metadata_file is not None:
        write_file("--metadata-file", metadata_file, document(outcomes) + "\n")
