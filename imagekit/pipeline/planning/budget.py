"""A build that grows past its budget stops: before anything is made where that is sure by then,
else before anything leaves this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from imagekit.contents.measure import known_weights
from imagekit.model.budget import NO_BUDGET, Overrun, Spent
from imagekit.model.errors import OverBudget
from imagekit.model.outcome import Outcome
from imagekit.pipeline.last_build import last_build
from imagekit.pipeline.make import Made, foreseen
from imagekit.pipeline.pushing.previous import PreviousImages
from imagekit.pipeline.session import Session
from imagekit.plan.budget import Weighed, grown, spent
from imagekit.plan.build_plan import BuildPlan
from imagekit.store import Store

_UNSURE = 15
"""In percent: as much more may bytecode be than is foreseen (`plan.packaging`)."""


class Budgets(Struct, frozen=True, kw_only=True):
    """Those of one run."""

    session: Session
    previous: PreviousImages
    """Where the build before is told on a machine that did not make it."""

    def require_foreseen(self, plans: Sequence[BuildPlan]) -> None:
        """OverBudget where the plans alone are over it: nothing was fetched or made by then.

        Bytecode that is not made yet is told, and decides nothing: only what is sure is refused.
        """
        limited = self._limited(plans)
        if limited:
            outcomes = foreseen(self.session.workshop, limited)
            self._require(zip(limited, outcomes, strict=True))

    def require(self, made: Iterable[Made]) -> None:
        """OverBudget where what was made is over it."""
        kept = [one for one in made if self._limited([one.plan])]
        self._require((one.plan, one.outcome) for one in kept)

    def limit(self, plans: Sequence[BuildPlan]) -> bool:
        """Whether any of the plans has a budget."""
        return bool(self._limited(plans))

    def spent(self, plan: BuildPlan, outcome: Outcome) -> tuple[Spent, ...]:
        """How much of its budget an artefact uses, made or foreseen."""
        budget = self.session.function(plan).budget
        return spent(
            budget,
            unzipped_bytes=outcome.unzipped_bytes,
            compressed_bytes=outcome.size_bytes,
            now=weighed(plan, self.session.workshop.store),
            before=self._before(plan) if budget.limits_growth else None,
            foreseen_bytes=outcome.foreseen_bytes,
        )

    def _limited(self, plans: Iterable[BuildPlan]) -> list[BuildPlan]:
        return [plan for plan in plans if self.session.function(plan).budget != NO_BUDGET]

    def _require(self, found: Iterable[tuple[BuildPlan, Outcome]]) -> None:
        overruns = []
        for plan, outcome in found:
            broken = tuple(one for one in self.spent(plan, outcome) if one.broken)
            if broken:
                overruns.append(self._overrun(plan, broken))
        if overruns:
            raise OverBudget(overruns=tuple(overruns), hint=_hint(overruns[0]))

    def _overrun(self, plan: BuildPlan, broken: tuple[Spent, ...]) -> Overrun:
        before = self._before(plan)
        return Overrun(
            function=plan.function,
            architecture=plan.target.architecture,
            spent=broken,
            grown=grown(weighed(plan, self.session.workshop.store), before),
            compared=before is not None,
        )

    def _before(self, plan: BuildPlan) -> Weighed | None:
        """The newest build on this machine, else the image that was pushed before."""
        workshop, architecture = self.session.workshop, plan.target.architecture
        root = self.session.project.root
        last = last_build(workshop.store, root, plan.function, architecture)
        if last is not None and last.weights:
            return Weighed(
                packages=last.weights, versions=last.packages, source_bytes=last.source_bytes
            )
        told = self.previous.weights(plan.function, architecture)
        return Weighed(packages=told) if told else None


def weighed(plan: BuildPlan, store: Store) -> Weighed:
    """What a plan's packages and source weigh; planning has measured them."""
    measured = known_weights(plan.packages, store)
    source = [layer.unzipped_bytes for layer in plan.layers if layer.kind == "source"]
    return Weighed(
        packages={one.name: one.unzipped_bytes for one in measured.weights} if measured else {},
        versions={package.name: package.version for package in plan.packages},
        source_bytes=sum(source),
    )


def _hint(overrun: Overrun) -> str:
    """What to look at, and what to write where it is meant to be so large."""
    broken = overrun.spent[0]
    spare = broken.foreseen_bytes * _UNSURE // 100
    needed = -(-(broken.used_bytes + spare) // 1_000_000)
    return (
        f"imagekit plan {overrun.function} says what could be left out; where it is meant, write "
        f'`{broken.key} = "{needed} MB"` in its `budget`'
    )
