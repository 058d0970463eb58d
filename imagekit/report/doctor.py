"""Findings in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from imagekit.model.doctor import Finding

SCHEMA = 1


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """A line for each, and below it what mends it."""
    wide = max((len(one.where) for one in findings), default=0)
    for one in findings:
        yield f"{one.state:8} {one.where.ljust(wide)}  {one.what}"
        if one.hint and one.state != "ok":
            yield f"{'':8} {'':{wide}}  hint: {one.hint}"


def closing_line(findings: Sequence[Finding], options: str = "") -> str:
    """How many of what kind, and what to type next; `options` are those of the look."""
    missing = sum(one.state == "missing" for one in findings)
    unseen = sum(one.state == "unseen" for one in findings)
    if unseen:
        things = "1 thing" if unseen == 1 else f"{unseen} things"
        return f"{things} could not be looked at, and {_things(missing)} missing"
    if missing:
        return f"{_things(missing)} missing; each line above says what mends it"
    return f"nothing is missing: imagekit release{options}"


def doctor_json(findings: Sequence[Finding]) -> str:
    """`{"schema": 1, "findings": […]}`."""
    found = [
        {"where": one.where, "what": one.what, "state": one.state, "hint": one.hint}
        for one in findings
    ]
    return json.dumps({"schema": SCHEMA, "findings": found}, indent=2)


def _things(count: int) -> str:
    return "1 thing is" if count == 1 else f"{count} things are"
