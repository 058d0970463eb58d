"""Walks the actions, waiting after each, until nothing is left to do.

Each action is the first of a plan made anew from what is there then. So it makes no difference
whether a deployment was cut off, when, or by whom: the next try does what is still missing.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.deploy.actions import (
    Action,
    CreateAlias,
    CreateFunction,
    MoveAlias,
    PublishLayer,
    PublishVersion,
    UpdateCode,
    UpdateConfiguration,
    plan,
)
from imagekit.deploy.alias import set_alias
from imagekit.deploy.configuration import fields
from imagekit.deploy.layers import layer_code
from imagekit.deploy.observe import observe, settled
from imagekit.deploy.place import Place
from imagekit.deploy.wanted import Upload, Wanted
from imagekit.deploy.words import words
from imagekit.model.errors import AwsRefused, RemoteRefused, UpdateFailed
from imagekit.model.function import AliasState, FunctionState, Observed
from imagekit.model.lambda_layer import LambdaLayer

PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds before each further try of one action: IAM takes about ten to tell Lambda (L6)."""

Move = Callable[[AliasState, str], AliasState]
"""Brings an alias to a version, all at once or step by step."""


class Applying(Struct, kw_only=True):
    """One deployment under way; `done` says so far what was done, in words."""

    place: Place
    wanted: Wanted
    move: Move | None = None
    """How the alias moves; None: at once."""
    done: list[str] = field(default_factory=list)

    def run(self, observed: Observed) -> Observed:
        """Do what is missing; what is there afterwards.

        Raises UpdateFailed with Lambda's own reason, AwsRefused, and what `move` raises. Until the
        last action the alias stays where it was.
        """
        tries, last = iter(PATIENCE), None
        while steps := plan(observed, self.wanted):
            step = steps[0]
            if step == last:
                raise RemoteRefused(
                    what=f"{self.wanted.name}: Lambda accepted, and did not do: {words(step)}"
                )
            try:
                observed, last = self._do(step, observed), step
            except AwsRefused as error:
                pause = next(tries, None)
                # Moving an alias tries again by itself; a canary never begins anew unasked.
                if not error.temporary or pause is None or isinstance(step, MoveAlias):
                    raise
                self.place.sleep(pause)
                observed, last = observe(self.place, self.wanted), None
                if plan(observed, self.wanted)[:1] == (step,):
                    continue
            self.done.append(words(step))
            tries = iter(PATIENCE)
        return observed

    def _do(self, step: Action, observed: Observed) -> Observed:
        match step:
            case Upload(bucket, key, file, digest):
                self.place.buckets.put(bucket, key, file, digest)
                if step == self.wanted.rest:
                    return replace(observed, rest_uploaded=True)
                return replace(observed, uploaded=True)
            case PublishLayer(layer, _):
                arn = self._publish_layer(layer)
                return replace(observed, published=(*observed.published, (layer.name, arn)))
            case CreateFunction() | UpdateCode() | UpdateConfiguration():
                self._change(step, observed.function)
                return replace(observed, function=self._changed())
            case PublishVersion(description):
                return replace(observed, serving=self._publish(description, observed))
            case CreateAlias() | MoveAlias():
                return replace(observed, alias=self._alias(step, observed.alias))

    def _publish_layer(self, layer: LambdaLayer) -> str:
        """Send it, and publish it where nobody has done so by now; its ARN."""
        code, (runtime, architecture) = layer_code(self.wanted, layer), layer.made_for
        if layer.digest is None:
            raise ValueError(f"the layer {layer.name} was not made")
        buckets = self.place.buckets
        if code.bucket and code.key and layer.path and not buckets.has(code.bucket, code.key):
            buckets.put(code.bucket, code.key, layer.path, layer.digest)
        return self.place.functions.publish_layer(
            layer.name, layer.digest, code, runtime=runtime, architecture=architecture
        )

    def _change(
        self,
        step: CreateFunction | UpdateCode | UpdateConfiguration,
        function: FunctionState | None,
    ) -> None:
        name, functions = self.wanted.name, self.place.functions
        revision = function.revision if function else None
        match step:
            case CreateFunction(new):
                functions.create(new)
            case UpdateCode(code, _, architecture):
                functions.update_code(name, code, architecture=architecture, revision=revision)
            case UpdateConfiguration(changes):
                functions.update_configuration(name, fields(changes), revision=revision)

    def _changed(self) -> FunctionState:
        """`$LATEST` after a change: Lambda's own reason where it did not work out (L12)."""
        found = settled(self.place, self.wanted.name)
        if found.failure:
            raise failed(found)
        return found

    def _publish(self, description: str, observed: Observed) -> FunctionState:
        name = self.wanted.name
        version = self.place.functions.publish(
            name, code=self.wanted.sha256, description=description
        )
        if version.busy:
            version = settled(self.place, name, version.version)
        if version.failure:
            raise failed(version)
        if observed.function is not None:
            # A snapshot of $LATEST, whatever else AWS tells about a version.
            return replace(version, configuration=observed.function.configuration)
        return version

    def _alias(self, step: CreateAlias | MoveAlias, now: AliasState | None) -> AliasState:
        name = self.wanted.name
        if step.version is None:
            raise ValueError(f"{words(step)}: there is no version yet")
        if now is None:
            return self.place.functions.create_alias(name, step.alias, step.version)
        if self.move is not None:
            return self.move(now, step.version)
        wanted = replace(now, version=step.version, routing=())
        return set_alias(self.place, name, now, wanted)


def failed(found: FunctionState) -> UpdateFailed:
    """The error of a change that Lambda took and could not do."""
    code, reason = found.failure or ("", "")
    at = found.name if found.version == "$LATEST" else f"{found.name}:{found.version}"
    return UpdateFailed(function=at, code=code, reason=reason, hint=_HINTS.get(code))


_HINTS = {
    "ImageAccessDenied": "imagekit doctor says what the repository's policy lacks",
    "ImageDeleted": "imagekit build --push, then deploy again",
    "InvalidImage": "imagekit check IMAGE says which rule it breaks",
}
