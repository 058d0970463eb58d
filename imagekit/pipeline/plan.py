"""`imagekit plan`: what a build would make, without making it."""

from __future__ import annotations

from imagekit.pipeline.make import foreseen
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.report.json import document
from imagekit.report.outcome import plan_lines, plan_table

_IN_FULL = 4
"""As many plans are shown with every layer; more of them get a line each."""


def show(workshop: Workshop, request: Request, *, json: bool) -> None:
    """Answer with the plan of every function asked for. Raises what planning raises."""
    session = Session.open(workshop, request)
    plans = session.plans()
    outcomes = foreseen(workshop, plans)
    session.decisions.save()
    if json:
        workshop.console.answer(document(outcomes))
        return
    next_words = " ".join(("imagekit build", *request.functions))
    if len(outcomes) > _IN_FULL:
        workshop.console.answer("\n".join(plan_table(outcomes)))
        next_words += ", or imagekit plan NAME for its layers"
    else:
        for outcome in outcomes:
            workshop.console.answer("\n".join(plan_lines(outcome)))
    workshop.console.say(f"nothing was made; next: {next_words}")
