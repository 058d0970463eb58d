"""`imagekit plan`: what a build would make, without making it."""

from __future__ import annotations

from imagekit.pipeline.extensions import counted
from imagekit.pipeline.make import foreseen
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.report.json import document
from imagekit.report.outcome import plan_lines


def show(workshop: Workshop, request: Request, *, json: bool) -> None:
    """Answer with the plan of every function asked for. Raises what planning raises."""
    session = Session.open(workshop, request)
    plans = session.plans()
    outcomes = tuple(map(counted, foreseen(workshop, plans), plans))
    session.decisions.save()
    if json:
        workshop.console.answer(document(outcomes))
        return
    for outcome in outcomes:
        workshop.console.answer("\n".join(plan_lines(outcome)))
    names = " ".join(dict.fromkeys(outcome.name for outcome in outcomes))
    workshop.console.say(f"nothing was made; next: imagekit build {names}")
