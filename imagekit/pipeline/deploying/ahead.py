"""What Lambda would refuse whatever an artefact's bytes will be: told before it is made."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from imagekit.deploy.refusals import Refusal, ahead
from imagekit.deploy.wanted import Meant
from imagekit.model.errors import UsageError
from imagekit.model.packaging import package_type
from imagekit.pipeline.deploying.jobs import alias_of, refuse, settings_of
from imagekit.pipeline.deploying.places import Spot
from imagekit.pipeline.deploying.request import DeployRequest
from imagekit.pipeline.deploying.running import Running
from imagekit.pipeline.deploying.sent import managed_runtime
from imagekit.pipeline.parallel import each
from imagekit.plan.build_plan import BuildPlan


class Ahead(Struct, frozen=True, kw_only=True):
    """Looks at the functions of one release while it is still a plan."""

    running: Running
    request: DeployRequest

    def require(self, plans: Sequence[BuildPlan]) -> None:
        """CannotDeploy with every reason of every function in every stage; RemoteError."""
        found = each(
            lambda spot: (spot, self._of(spot, plans)), self.running.spots, self.request.jobs
        )
        refuse([(spot.label, refusal) for spot, those in found for refusal in those])

    def _of(self, spot: Spot, plans: Sequence[BuildPlan]) -> tuple[Refusal, ...]:
        meant = self._meant(spot, self.running.fitting(spot, plans))
        today = spot.place.now().date()
        return ahead(self.running.at(spot), meant, spot.place.functions.region, today)

    def _meant(self, spot: Spot, plan: BuildPlan) -> Meant:
        package = package_type(plan.packaging)
        return Meant(
            name=spot.name,
            package=package,
            architecture=plan.target.architecture,
            settings=settings_of(spot, self.request),
            runtime=managed_runtime(spot.function) if package == "zip" else None,
            handler=spot.function.handler if package == "zip" else None,
            create=self.request.create,
            anyway=self.request.anyway,
        )


def require_alias(request: DeployRequest, there: Sequence[Spot]) -> None:
    """UsageError where a canary or a smoke test has no alias to come before."""
    if request.canary is None and request.smoke is None:
        return
    without = [spot.label for spot in there if alias_of(spot, request) is None]
    if without:
        raise UsageError(
            what=f"--canary and --smoke come before an alias moves, and {without[0]} has none",
            hint="add `--alias live`, or `alias` to the stage",
        )
