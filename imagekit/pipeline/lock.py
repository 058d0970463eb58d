"""`imagekit lock`: every decision of the project, made and written down."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from imagekit.pipeline.afresh import IMAGES, Afresh
from imagekit.pipeline.bases.used import require_used
from imagekit.pipeline.request import Request
from imagekit.pipeline.session import Session
from imagekit.pipeline.workshop import Workshop
from imagekit.project.lock_values import BasePin, ImagekitLock, Kind
from imagekit.report.bases import move
from imagekit.report.recipe import recipe_line


class Upgrade(Struct, frozen=True, kw_only=True):
    """Which decisions are made afresh."""

    bases: tuple[str, ...] | None = None
    """And extensions: both are images that others publish. By name; none named: all of them."""
    python: bool = False
    packaging: bool = False

    def afresh(self) -> Afresh:
        """The parts of the lock that they stand in."""
        kinds: set[Kind] = set() if self.bases is None else set(IMAGES)
        if self.python:
            kinds.add("python")
        if self.packaging:
            kinds.add("packaging")
        return Afresh(kinds=frozenset(kinds), names=frozenset(self.bases or ()))


def bring_up_to_date(workshop: Workshop, request: Request, upgrade: Upgrade) -> None:
    """Write what is missing, stale or to be upgraded; forget what no function asks for.

    With `--locked` nothing is written: LockError where anything would be. UsageError where a base
    that is to be upgraded is used nowhere.
    """
    session = Session.open(workshop, request, again=upgrade.afresh(), whole=True)
    require_used(session.project, upgrade.bases or ())
    before = session.decisions.lock
    old_recipe = session.decisions.take_recipe()
    plans = session.plans()
    if old_recipe is not None:
        workshop.console.say(recipe_line(old_recipe, plans))
    changed = session.decisions.save(prune=session.project.whole)
    for line in _moves(before, session.decisions.lock):
        workshop.console.say(line)
    state = "written" if changed else "up to date"
    workshop.console.say(f"{session.decisions.path.name} is {state}; next: imagekit build")


def _moves(before: ImagekitLock, after: ImagekitLock) -> Iterator[str]:
    known = {part.key: part for part in before.parts()}
    for part in after.parts():
        old = known.pop(part.key, None)
        if isinstance(part, BasePin) and isinstance(old, BasePin) and part != old:
            yield f"  {part.key} {move(old, part)}"
        elif part != old:
            yield f"  {part.key}"
    yield from (f"  {key} is not needed any more" for key in known)
