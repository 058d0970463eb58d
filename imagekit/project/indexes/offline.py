"""Whether indexes may be asked at all: uv's own switches."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from imagekit.net.http import origin
from imagekit.project.indexes.machine import Machine
from imagekit.project.indexes.uv import uv_indexes, uv_settings

_SWITCHES = (("UV_OFFLINE", "offline"), ("UV_NO_INDEX", "no-index"))


class Offline(Struct, frozen=True, kw_only=True):
    """Indexes are not to be asked."""

    why: str
    """The switch, in words."""
    network: bool
    """Whether nothing else may be asked, either: the repository of a commit, say."""
    links: frozenset[object] = frozenset()
    """Origins of the pages of links that `no-index` still allows."""

    def allows(self, url: str) -> bool:
        """Whether a file may be fetched all the same."""
        return origin(url) in self.links


def offline(folders: Iterable[Path], machine: Machine) -> Offline | None:
    """What says that no index may be asked; None where nothing does.

    A variable goes before the files. `no-index` leaves find-links alone, as in uv.
    """
    places = tuple(folders)
    for variable, key in _SWITCHES:
        why = _switched(variable, key, places, machine)
        if why and key == "offline":
            return Offline(why=why, network=True)
        if why:
            links = (one for one in uv_indexes(places, machine) if one.role == "find-links")
            return Offline(
                why=why, network=False, links=frozenset(origin(one.url) for one in links)
            )
    return None


def _switched(variable: str, key: str, folders: tuple[Path, ...], machine: Machine) -> str | None:
    said = machine.flag(variable)
    if said is not None:
        return f"{variable}={machine.environ[variable]}" if said else None
    for where, settings in uv_settings(folders, machine):
        if key in settings:
            return f"`{key} = true` in {where}" if settings[key] is True else None
    return None
