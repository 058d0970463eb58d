"""Bases in words: what an upgrade moved, what is behind, what is old."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from imagekit.bases.age import days_since
from imagekit.bases.compare import Difference, compare
from imagekit.bases.follow import parsed
from imagekit.bases.outdated import Look, Status
from imagekit.model.base import BaseFacts
from imagekit.model.sizes import size
from imagekit.project.lock_values import BasePin

SCHEMA = 1

_WORDS: dict[Status, str] = {
    "unpinned": "not pinned yet: `imagekit lock` pins {reference}",
    "composed": "composed on this machine, so no registry knows of a newer one; "
    "`imagekit lock --upgrade-base {name}` takes today's packages",
    "folder": "a folder, which changes when you change it",
    "fixed": "named by digest alone, without a tag that could move",
    "unknown": "could not look: {why}",
}
_NAMED = 8
"""Packages named in a line; the rest are counted."""


def move(before: BasePin, after: BasePin) -> str:
    """From one pin of a base to the next: `2026.11.18 → 2026.11.21: pandas 3.1.0→3.1.1`."""
    if before.digest == after.digest:
        return "has nothing newer"
    step = f"{_label(before)} → {_label(after)}"
    if _label(before) == _label(after):
        step = f"{before.digest.short} → {after.digest.short}"
    words = "; ".join(difference_words(compare(before.facts, after.facts)))
    return f"{step}: {words or 'the same packages'}"


def difference_words(found: Difference) -> Iterator[str]:
    """What differs, a kind at a time; nothing where all is the same."""
    if found.packages:
        more = len(found.packages) - _NAMED
        yield ", ".join(found.packages[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    for name, pair in (("Python", found.python), ("glibc", found.glibc)):
        if pair is not None:
            yield f"{name} {pair[0]}→{pair[1]}"
    if found.runtime_client is not None:
        yield f"{'brings' if found.runtime_client[1] else 'lacks'} a Lambda runtime client"
    if found.unzipped_bytes is not None:
        before, after = found.unzipped_bytes
        sign = "+" if after > before else "-"
        yield f"{size(after)} ({sign}{size(abs(after - before))})"


def facts_line(facts: BaseFacts) -> str:
    """`Python 3.13.5, glibc 2.41, 164 MB`."""
    return f"Python {facts.python}, glibc {facts.glibc}, {size(facts.unzipped_bytes)}"


def _label(pin: BasePin) -> str:
    reference = parsed(pin.reference)
    return (reference and reference.tag) or pin.digest.short


def look_lines(looks: Sequence[Look], today: date) -> Iterator[str]:
    """A base at a time: behind what, what differs, who uses it."""
    widths = [max((len(cell) for cell in column), default=0) for column in _columns(looks)]
    for look in looks:
        name = "  ".join(
            cell.ljust(width)
            for cell, width in zip((look.name, look.architecture), widths, strict=True)
        )
        yield f"{name}  {_state(look, today)}"
        if look.status == "behind":
            yield from (f"    {line}" for line in _news(look))


def looks_line(looks: Sequence[Look]) -> str:
    """What all of it comes to, and what to type."""
    behind = sorted({look.name for look in looks if look.status == "behind"})
    unknown = sorted({look.name for look in looks if look.status == "unknown"})
    if not looks:
        return "no function here is an image, and no base is made here"
    said = f"could not look at {', '.join(unknown)}" if unknown else ""
    if behind:
        words = f"{_bases(len(behind))} behind" + (f"; {said}" if said else "")
        return f"{words}; next: {_next(looks, behind)}"
    return said or "nothing is behind"


def _next(looks: Sequence[Look], behind: Sequence[str]) -> str:
    """What takes the newer ones: an upgrade here, or for who comes after, a newer base."""
    held = [name for name in behind if any(look.held for look in looks if look.name == name)]
    behind = [name for name in behind if name not in held]
    used = {look.name for look in looks if look.functions}
    upgrade = "".join(f" --upgrade-base {name}" for name in behind if name in used)
    made = [f"imagekit base publish {name} --upgrade" for name in behind if name not in used]
    edits = [f"name the newer digest of {name} in the configuration" for name in held]
    return ", ".join([*([f"imagekit lock{upgrade}"] if upgrade else []), *made, *edits])


def looks_json(looks: Iterable[Look]) -> str:
    """The same as one JSON document; keys of what is not known are left out."""
    found = {"schema": SCHEMA, "bases": [_look_json(look) for look in looks]}
    return json.dumps(found, indent=2, ensure_ascii=False)


def reminder(old: Sequence[tuple[str, int]]) -> str:
    """One line about pins that nobody looked at for so many days."""
    names = ", ".join(dict.fromkeys(name for name, _ in old))
    which = f"the base {names} was" if len({name for name, _ in old}) == 1 else f"{names} were"
    days = max(days for _, days in old)
    one = dict.fromkeys(f" --upgrade-base {name}" for name, _ in old)
    return (
        f"note: {which} pinned {days} days ago: `imagekit base outdated` says what is newer, "
        f"`imagekit lock{''.join(one)}` takes it"
    )


def _columns(looks: Sequence[Look]) -> tuple[list[str], list[str]]:
    return [look.name for look in looks], [look.architecture for look in looks]


def _bases(count: int) -> str:
    return "1 base is" if count == 1 else f"{count} bases are"


def _state(look: Look, today: date) -> str:
    below = f" (it starts from {look.below})" if look.below else ""
    if look.status == "behind":
        return f"behind: {_steps(look)}{below}"
    if look.status == "current":
        return f"up to date{_ago(days_since(look.pinned, today))}{below}"
    words = _WORDS[look.status]
    return words.format(name=look.name, reference=look.reference, why=look.why) + below


def _ago(days: int | None) -> str:
    if days is None:
        return ""
    return ", pinned today" if days == 0 else f", pinned {days} day{'s' * (days != 1)} ago"


def _steps(look: Look) -> str:
    here, there = parsed(look.reference), parsed(look.newer or "")
    before = here.tag if here and here.tag else look.reference
    if look.tags:
        more = len(look.tags) - 1
        return f"{before} → {look.tags[-1]}" + (f", {more} more between them" if more else "")
    old = here.digest.short if here and here.digest else "not pinned"
    return f"{before} moved: {old} → {there.digest.short if there and there.digest else '?'}"


def _news(look: Look) -> Iterator[str]:
    if look.difference is not None:
        yield "; ".join(difference_words(look.difference)) or "the same packages, Python and glibc"
    elif look.why:
        yield f"what differs is not known: {look.why}"
    if look.functions:
        yield f"used by {', '.join(look.functions)}"


def _look_json(look: Look) -> dict[str, object]:
    found: dict[str, object] = {
        "name": look.name,
        "architecture": look.architecture,
        "functions": list(look.functions),
        "status": look.status,
        "reference": look.reference,
    }
    sometimes = {
        "pinned": look.pinned and look.pinned.isoformat(),
        "held": look.held or None,
        "below": look.below,
        "newer": look.newer,
        "tags": list(look.tags) or None,
        "difference": look.difference and _difference_json(look.difference),
        "why": look.why,
    }
    return found | {key: value for key, value in sometimes.items() if value is not None}


def _difference_json(found: Difference) -> dict[str, object]:
    pairs = {
        "python": found.python,
        "glibc": found.glibc,
        "unzipped_bytes": found.unzipped_bytes,
        "runtime_client": found.runtime_client,
    }
    return {
        "packages": list(found.packages),
        **{key: list(pair) for key, pair in pairs.items() if pair is not None},
    }
