"""Which image of a registry a base follows, and at which of its tags. Pure.

The configuration names a calendar tag to begin with; `imagekit.lock` says which one is in use, as
`imagekit lock --upgrade-base` or Renovate moved it there. A tag that is edited in the configuration
makes the pin stale, and wins.
"""

from __future__ import annotations

from msgspec.structs import replace

from imagekit.bases.definition import Definition, Source
from imagekit.model.reference import Reference


def followed(source: Source) -> Reference | None:
    """The image that the source stands for; None for a folder and for what is composed here."""
    match source:
        case Reference():
            return source
        case Definition(origin=Reference() as origin) if source.plain:
            return origin
        case _:
            return None


def at(source: Source, reference: Reference) -> Source:
    """The same base at another tag or digest."""
    if isinstance(source, Definition):
        return replace(source, origin=reference)
    return reference


def as_pinned(source: Source, pinned: str) -> Source:
    """The source at the tag of a pin's reference, where that is of the same repository."""
    reference, there = followed(source), parsed(pinned)
    if reference is None or reference.digest is not None:
        return source
    if there is None or there.name != reference.name or not there.tag:
        return source
    return at(source, replace(reference, tag=there.tag))


def parsed(pinned: str) -> Reference | None:
    """A pin's reference; None where it is a folder's path."""
    try:
        return Reference.parse(pinned)
    except ValueError:
        return None
