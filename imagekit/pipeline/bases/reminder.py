"""A word about bases that nobody looked at for long; nothing is asked for it."""

from __future__ import annotations

from collections.abc import Iterable

from imagekit.bases.age import days_since, is_old
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.lock_values import ImagekitLock


def remind(workshop: Workshop, lock: ImagekitLock, plans: Iterable[BuildPlan]) -> None:
    """One line at most, on stderr, for all bases of the run together."""
    names = {(plan.base.name, plan.target.architecture) for plan in plans if plan.base}
    pins = [pin for key in sorted(names) if (pin := lock.base(*key))]
    today = workshop.today
    old = [
        (pin.name, days_since(pin.pinned, today) or 0) for pin in pins if is_old(pin.pinned, today)
    ]
    if old:
        from imagekit.report.bases import reminder

        workshop.console.say(reminder(old))
