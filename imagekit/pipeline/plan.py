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
from imagekit.pipeline.planning.room import source_bytes
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.plan.footprint import Known, plan_footprint
from imagekit.report.json import document
from imagekit.report.outcome import plan_lines, plan_table

_IN_FULL = 4
"""As many plans are shown with every layer; more of them get a line each."""


def show(workshop: Workshop, request: Request, *, json: bool) -> None:
    """Answer with the plan of every function asked for. Raises what planning raises."""
    session = Session.open(workshop, request)
    plans = session.plans()
    outcomes = tuple(
        explained(session, plan, outcome)
        for plan, outcome in zip(plans, foreseen(workshop, plans), strict=True)
    )
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


def explained(session: Session, plan: BuildPlan, outcome: Outcome) -> Outcome:
    """The outcome with what is in it, what of the budget it uses, and what would change it."""
    footprint = plan_footprint(plan, _known(session, plan, outcome))
    told = replace(outcome, footprint=footprint, ways=advice(session, plan))
    budgets = Budgets(session=session, previous=PreviousImages.none(session.workshop))
    return replace(told, spent=budgets.spent(plan, told))


def _known(session: Session, plan: BuildPlan, outcome: Outcome) -> Known:
    workshop = session.workshop
    categories: dict[str, Tally] = {}
    sources: dict[str, int] = {}
    client = tuple(p for layer in plan.layers if layer.kind == "client" for p in layer.packages)
    for packages in filter(None, (plan.packages, client)):
        try:
            measured = measure(packages, workshop.store, workshop.index_transport, by_category=True)
        except ImagekitError:
            continue  # an image told what they weigh, and no index tells what is in them
        categories |= {one.name: one.categories for one in measured.weights}
        by_recipe = source_bytes(packages, workshop.store)
        sources |= {one.name: by_recipe.get(one.recipe, 0) for one in packages}
    records = {layer.fingerprint: layer.record for layer in outcome.layers if layer.record}
    return Known(categories=categories, sources=sources, records=records)
