"""`base list` in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from imagekit.bases.age import days_since
from imagekit.bases.listed import Listed, PinnedBase, Saving, unknown
from imagekit.model.sizes import size

SCHEMA = 1


def listed_lines(bases: Sequence[Listed], today: date) -> Iterator[str]:
    """A base at a time: where it comes from, what is pinned, who uses it and what that saves."""
    for base in bases:
        yield f"{base.name}  {base.origin or 'cannot be used'}"
        if base.problem:
            yield f"    {base.problem}"
        yield from (f"    {_pin(pin, today)}" for pin in base.pins)
        if base.functions:
            pinned = "" if base.pins else "; not pinned yet: imagekit lock"
            yield f"    used by {', '.join(base.functions)}{pinned}"
            if base.savings:
                yield f"    {_saved(base)}"


def listed_json(bases: Iterable[Listed], today: date) -> str:
    """`{"schema": 1, "bases": […]}`; `saved_bytes` is null where none of it is known."""
    found = {"schema": SCHEMA, "bases": [_base(base, today) for base in bases]}
    return json.dumps(found, indent=2, ensure_ascii=False)


def _pin(pin: PinnedBase, today: date) -> str:
    facts, days = pin.facts, days_since(pin.day, today)
    words = (
        f"{pin.architecture}  {size(facts.unzipped_bytes)} unzipped",
        f"Python {facts.python}",
        f"glibc {facts.glibc}",
        "pinned on a day that the lock does not say" if days is None else _age(days),
        pin.reference,
    )
    return "  ".join(words)


def _age(days: int) -> str:
    return "pinned today" if days == 0 else f"pinned {days} day{'s' * (days != 1)} ago"


def _saved(base: Listed) -> str:
    missing = unknown(base.savings)
    later = f"; of {', '.join(missing)} not known before the first build" if missing else ""
    if all(saving.packages is None for saving in base.savings):
        return f"what it saves them is not known before the first build{later * 0}"
    functions = {saving.function for saving in base.savings if saving.packages}
    if not functions:
        return f"saves them nothing: no function has a package in the base's version{later}"
    whom = f"{len(functions)} function{'s' * (len(functions) != 1)}"
    return f"saves {size(base.saved_bytes)} of packages, unzipped, in {whom}{later}"


def _base(base: Listed, today: date) -> dict[str, object]:
    known = any(saving.packages is not None for saving in base.savings)
    found: dict[str, object] = {
        "name": base.name,
        "origin": base.origin or None,
        "problem": base.problem,
        "pins": [_pin_json(pin, today) for pin in base.pins],
        "functions": list(base.functions),
        "saved_bytes": base.saved_bytes if known else None,
        "savings": [_saving(saving) for saving in base.savings],
    }
    return {key: value for key, value in found.items() if key != "problem" or value is not None}


def _pin_json(pin: PinnedBase, today: date) -> dict[str, object]:
    return {
        "architecture": pin.architecture,
        "reference": pin.reference,
        "pinned": pin.day.isoformat() if pin.day else None,
        "age_days": days_since(pin.day, today),
        "unzipped_bytes": pin.facts.unzipped_bytes,
        "python": pin.facts.python,
        "glibc": pin.facts.glibc,
    }


def _saving(saving: Saving) -> dict[str, object]:
    return {
        "function": saving.function,
        "architecture": saving.architecture,
        "packages": None if saving.packages is None else list(saving.packages),
        "unzipped_bytes": saving.unzipped_bytes,
    }
