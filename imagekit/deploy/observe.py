"""What is there: describe calls only, and waiting for what is under way."""

from __future__ import annotations

from collections.abc import Iterator

from imagekit.deploy.place import Place
from imagekit.deploy.wanted import Wanted
from imagekit.model.errors import RemoteRefused
from imagekit.model.function import FunctionState, Observed

# FunctionUpdatedV2: 300 s in all; PublishedVersionActive: 1560 s (lambda_rules L10).
_UPDATE_SECONDS = 300.0
_VERSION_SECONDS = 1560.0
_FIRST_SECONDS = (0.1, 0.2, 0.4, 0.8)


def observe(place: Place, wanted: Wanted, *, wait: bool = True) -> Observed:
    """The function, its alias, the version that serves, and whether the archive was uploaded.

    With `wait`, a function that Lambda is still at work on is waited for. Raises AwsRefused.
    """
    function = place.functions.get(wanted.name)
    if wait and function is not None and function.busy:
        function = settled(place, wanted.name)
    if function is None:
        return Observed(
            uploaded=_uploaded(place, wanted, None),
            rest_uploaded=_rest_uploaded(place, wanted),
            published=_published(place, wanted),
        )
    alias = place.functions.alias(wanted.name, wanted.alias) if wanted.alias else None
    if alias is not None:
        serving = place.functions.get(wanted.name, alias.version)
    else:
        serving = place.functions.newest(wanted.name)
    return Observed(
        function=function,
        alias=alias,
        serving=serving,
        uploaded=_uploaded(place, wanted, function),
        rest_uploaded=_rest_uploaded(place, wanted),
        published=_published(place, wanted),
    )


def settled(place: Place, name: str, version: str | None = None) -> FunctionState:
    """The function, or one of its versions, once Lambda is done with it, well or not.

    RemoteRefused where that takes longer than AWS's own waiters would wait.
    """
    for pause in _pauses(_VERSION_SECONDS if version else _UPDATE_SECONDS):
        found = place.functions.get(name, version)
        if found is not None and not found.busy:
            return found
        place.sleep(pause)
    raise RemoteRefused(
        what=f"Lambda is still at work on {name}",
        hint=f"aws lambda get-function --function-name {name}, and deploy again later",
    )


def _pauses(limit: float) -> Iterator[float]:
    """Quick at first, then every second (lambda_rules L11)."""
    yield from _FIRST_SECONDS
    waited = sum(_FIRST_SECONDS)
    while waited < limit:
        yield 1.0
        waited += 1.0


def _uploaded(place: Place, wanted: Wanted, function: FunctionState | None) -> bool:
    bucket, key = wanted.code.bucket, wanted.code.key
    if bucket is None or key is None:
        return False
    if function is not None and function.code == wanted.sha256 and function.code_is_sound:
        return False  # nobody will ask for it
    return place.buckets.has(bucket, key)


def _rest_uploaded(place: Place, wanted: Wanted) -> bool:
    """Asked for each time: a rule of the bucket may have deleted what the function starts from."""
    rest = wanted.rest
    return rest is not None and place.buckets.has(rest.bucket, rest.key)


def _published(place: Place, wanted: Wanted) -> tuple[tuple[str, str], ...]:
    found = (
        (layer.name, place.functions.layer(layer.name, layer.digest))
        for layer in wanted.layers
        if layer.digest is not None
    )
    return tuple((name, arn) for name, arn in found if arn is not None)
