"""Versions of a deployed function that nobody has called yet: every call begins a cold start.

A published version has environments of its own, so aliases and their traffic notice nothing. Lambda
publishes nothing new where nothing has changed, so `$LATEST` has one variable more while they are
made. It is taken away before any of them is called; the versions are deleted in the end. What a run
left behind that was killed is cleared away by the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from imagekit.deploy.apply import failed
from imagekit.deploy.observe import settled
from imagekit.deploy.place import Place
from imagekit.model.errors import RemoteRefused
from imagekit.model.function import FunctionState

NOTE = "imagekit bench: deleted when it is over"
"""The description of these versions; no other is ever deleted."""

VARIABLE = "IMAGEKIT_BENCH"


@contextmanager
def fresh_versions(place: Place, name: str, count: int, mark: str) -> Iterator[tuple[str, ...]]:
    """`count` new versions of what `$LATEST` is, ready to be called, for as long as the block
    lasts. `mark` is another one each time.

    Errors: AwsRefused; RemoteRefused where there is no such function, or its variables cannot be
    read, and so not be put back; UpdateFailed in Lambda's own words.
    """
    _clear(place, name)
    with ExitStack() as leaving:
        try:
            made = [_published(place, name, f"{mark}-{n}", leaving) for n in range(count)]
        finally:
            _put_back(place, name)
        for version in made:
            found = settled(place, name, version)
            if found.failure:
                raise failed(found)
        yield tuple(made)


def _clear(place: Place, name: str) -> None:
    if place.functions.get(name) is None:
        raise RemoteRefused(
            what=f"there is no function {name} in {place.functions.region}",
            hint="imagekit status lists what is deployed where",
        )
    _put_back(place, name)
    for version in place.functions.versions(name):
        if version.description == NOTE:
            place.functions.delete_version(name, version.version)


def _published(place: Place, name: str, mark: str, leaving: ExitStack) -> str:
    now = _readable(settled(place, name))
    variables = {**dict(now.env), VARIABLE: mark}
    place.functions.update_configuration(
        name, {"Environment": {"Variables": variables}}, revision=now.revision
    )
    changed = settled(place, name)
    if changed.failure:
        raise failed(changed)
    version = place.functions.publish(name, code=changed.code, description=NOTE)
    if version.description != NOTE:
        # One that was there before, and is somebody's.
        raise RemoteRefused(what=f"Lambda published no new version of {name}")
    leaving.callback(place.functions.delete_version, name, version.version)
    return version.version


def _put_back(place: Place, name: str) -> None:
    """Without our variable, whatever else somebody has changed meanwhile."""
    now = settled(place, name)
    if VARIABLE in dict(now.env):
        variables = {key: value for key, value in now.env if key != VARIABLE}
        place.functions.update_configuration(
            name, {"Environment": {"Variables": variables}}, revision=now.revision
        )
        settled(place, name)


def _readable(state: FunctionState) -> FunctionState:
    if state.env_hidden:
        raise RemoteRefused(
            what=f"the variables of {state.name} cannot be read, so nothing could put them back",
            causes=(state.env_hidden,),
            hint="allow kms:Decrypt on the function's key",
        )
    return state
