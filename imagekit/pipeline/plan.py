"""`imagekit plan`: what a build would make, without making it."""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.contents.measure import measure
from imagekit.model.errors import ImagekitError
from imagekit.model.footprint import Tally
from imagekit.model.outcome import Outcome
from imagekit.pipeline.make import foreseen
from imagekit.pipeline.planning.advice import advice
from imagekit.pipeline.planning.budget import Budgets
from imagekit.pipeline.planning.room import sources_of
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.footprint import Known, plan_footprint
from imagekit.plan.weights import Weights
from imagekit.report.json import document
from imagekit.report.outcome import plan_lines, plan_table

_IN_FULL = 4
"""As many plans are shown with every layer; more of them get a line each."""


def show(workshop: Workshop, request: Request, *, json: bool) -> None:
    """Answer with the plan of every function asked for. Raises what planning raises."""
    session = Session.open(workshop, request)
    plans = session.plans()
    outcomes = tuple(explained(session, plan) for plan in plans)
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
            workshop.console.answer("\n".join(plan_lines(outcome, workshop.console.columns())))
    workshop.console.say(f"nothing was made; next: {next_words}")


def explained(session: Session, plan: BuildPlan) -> Outcome:
    """What a build would make, with what is in it, what of the budget it uses, and what would
    change it."""
    categories = _categories(session.workshop, plan)
    (outcome,) = foreseen(session.workshop, [plan])
    known = Known(
        categories=categories,
        sources=sources_of(plan, session.workshop.store),
        records={layer.fingerprint: layer.record for layer in outcome.layers if layer.record},
    )
    weights = Weights(
        layers=tuple(layer.unzipped_bytes for layer in outcome.layers),
        added_bytes=outcome.added_bytes,
        foreseen_bytes=outcome.foreseen_bytes,
    )
    footprint = plan_footprint(plan, known, weights)
    told = replace(outcome, footprint=footprint, ways=advice(session, plan))
    budgets = Budgets(session=session, previous=PreviousImages.none(session.workshop))
    return replace(told, spent=budgets.spent(plan, told))


def _categories(workshop: Workshop, plan: BuildPlan) -> dict[str, Tally]:
    """What is in the packages, by name; what was told in sum alone is looked at now."""
    categories: dict[str, Tally] = {}
    for packages in filter(None, (plan.packages, plan.client)):
        try:
            measured = measure(packages, workshop.store, workshop.index_transport, by_category=True)
        except ImagekitError:
            continue  # an image told what they weigh, and no index tells what is in them
        categories |= {one.name: one.categories for one in measured.weights}
    return categories
