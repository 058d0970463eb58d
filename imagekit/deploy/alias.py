"""Moves an alias once, whatever happens on the way to AWS and back."""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.deploy.place import Place
from imagekit.model.errors import AwsRefused, RemoteRefused
from imagekit.model.function import AliasState

_PATIENCE = (0.5, 1.0, 2.0, 4.0)


def set_alias(place: Place, name: str, now: AliasState, wanted: AliasState) -> AliasState:
    """Bring the alias from `now` to `wanted`.

    An answer that was lost is looked for; RemoteRefused where somebody else moved the alias
    meanwhile, AwsRefused where AWS keeps refusing.
    """
    for pause in (*_PATIENCE, None):
        try:
            return place.functions.move_alias(name, replace(wanted, revision=now.revision))
        except AwsRefused as error:
            if not error.temporary or pause is None:
                raise
        place.sleep(pause)
        found = place.functions.alias(name, wanted.name)
        if found is None:
            raise RemoteRefused(what=f"the alias {wanted.name} of {name} was deleted meanwhile")
        if _where(found) == _where(wanted):
            return found
        if _where(found) != _where(now):
            raise RemoteRefused(
                what=f"the alias {wanted.name} of {name} was moved to {found.version} by another",
                hint="imagekit status, then deploy again",
            )
        now = found
    raise AssertionError("the last try returns or raises")


def _where(alias: AliasState) -> tuple[object, ...]:
    return alias.version, alias.routing
