"""A part of the traffic first: step by step, watched, and back on trouble."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from imagekit.aws.functions import Invoked
from imagekit.deploy.alias import set_alias
from imagekit.deploy.place import Place
from imagekit.model.errors import AwsRefused, RemoteError, WentBack
from imagekit.model.function import AliasState

_STEP = re.compile(r"(\d{1,2})%:(\d+)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0)
# Throttled, or being made ready (lambda_rules L16): anything else may have run the event.
_NOT_CALLED = frozenset(
    {
        "CodeArtifactUserPendingException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "TooManyRequestsException",
    }
)
_LOOK_SECONDS = 30.0
"""Between two looks at the errors; CloudWatch counts them by the minute."""


class Step(Struct, frozen=True):
    """A share of the traffic, from 0 to 1, for some seconds."""

    share: float
    seconds: float


class Canary(Struct, frozen=True):
    """The steps before all traffic moves."""

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Canary:
        """Read `10%:5m` or `10%:5m,50%:10m`: shares that rise, each for its time. ValueError."""
        steps = []
        for part in text.split(","):
            found = _STEP.fullmatch(part.strip())
            if not found or int(found[1]) == 0 or int(found[2]) == 0:
                raise ValueError(f"{part.strip()!r} is no step such as 10%:5m")
            steps.append(Step(int(found[1]) / 100, int(found[2]) * _SECONDS[found[3]]))
        if [step.share for step in steps] != sorted({step.share for step in steps}):
            raise ValueError(f"the shares of {text!r} must rise")
        return cls(tuple(steps))


class Mover(Struct, frozen=True, kw_only=True):
    """Moves an alias to a new version: after the smoke event, through the canary's steps."""

    place: Place
    name: str
    canary: Canary | None = None
    smoke: bytes | None = None
    """An event that the new version must answer without an error."""
    say: Callable[[str], None]

    def __call__(self, now: AliasState, version: str) -> AliasState:
        """The alias, at `version`. WentBack where it is, or is again, at the old version."""
        if self.smoke is not None:
            self._smoke(now, version, self.smoke)
        # A canary that was cut off begins again; one from a version to itself has nothing to share.
        if self.canary is not None and now.version != version:
            now = self._steps(self.canary, now, version)
        return set_alias(self.place, self.name, now, replace(now, version=version, routing=()))

    def _smoke(self, now: AliasState, version: str, event: bytes) -> None:
        answer = self._invoked(version, event)
        if answer.error is not None:
            if now.routing:
                self._back(now)
            raise WentBack(
                what=f"version {version} of {self.name} failed the smoke event; "
                f"{now.name} points at {now.version} as before",
                causes=(f"{answer.error}: {answer.payload[:500]}",),
                hint=self._hint,
            )

    def _invoked(self, version: str, event: bytes) -> Invoked:
        """The answer; asked again where Lambda says that the version was not even called."""
        for pause in _PATIENCE:
            try:
                return self.place.functions.invoke(self.name, version, event)
            except AwsRefused as error:
                if error.code not in _NOT_CALLED:
                    raise
            self.place.sleep(pause)
        return self.place.functions.invoke(self.name, version, event)

    def _steps(self, canary: Canary, now: AliasState, version: str) -> AliasState:
        began = self.place.now()
        # Whoever may not read the errors is told before anything moves.
        self.place.metrics.errors(self.name, now.name, version, began, began)
        for step in canary.steps:
            self.say(
                f"{self.name}: {step.share:.0%} of {now.name} to version {version} "
                f"for {timedelta(seconds=step.seconds)}"
            )
            routed = replace(now, routing=((version, step.share),))
            now = set_alias(self.place, self.name, now, routed)
            self._watch(step, now, version)
        return now

    def _watch(self, step: Step, now: AliasState, version: str) -> None:
        began = self.place.now()
        end = began + timedelta(seconds=step.seconds)
        while (left := (end - self.place.now()).total_seconds()) > 0:
            self.place.sleep(min(left, _LOOK_SECONDS))
            try:
                count = self.place.metrics.errors(
                    self.name, now.name, version, began, self.place.now()
                )
            except RemoteError:
                self._back(now)
                raise
            if count:
                self._back(now)
                raise WentBack(
                    what=f"version {version} of {self.name} failed {count} times with "
                    f"{step.share:.0%} of the traffic; all of {now.name} is back at {now.version}",
                    hint=self._hint,
                )

    def _back(self, now: AliasState) -> None:
        set_alias(self.place, self.name, now, replace(now, routing=()))

    @property
    def _hint(self) -> str:
        return f"aws logs tail /aws/lambda/{self.name}"
