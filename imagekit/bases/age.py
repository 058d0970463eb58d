"""How old a pin is, and when that is worth a word. Pure."""

from __future__ import annotations

from datetime import date

OLD_DAYS = 45
"""Debian and AWS publish fixes of what a base is made of every few weeks."""


def days_since(pinned: date | None, today: date) -> int | None:
    """Whole days, never less than none: clocks of two machines differ. None: not known."""
    return None if pinned is None else max((today - pinned).days, 0)


def is_old(pinned: date | None, today: date) -> bool:
    """Whether somebody should look for a newer one."""
    days = days_since(pinned, today)
    return days is not None and days > OLD_DAYS
