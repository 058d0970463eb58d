"""What `imagekit init` found and what it left behind, in words and as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from imagekit.project.survey.values import Said, Survey

SCHEMA = 1


def lines(survey: Survey) -> Iterator[str]:
    """For stderr: what was found, and each thing that has to be done otherwise, with what to do."""
    if survey.found:
        yield "found"
        yield from _table(survey.found)
    if survey.left:
        yield "not carried over"
        for left in survey.left:
            yield f"  {left.where}: {left.what}"
            yield f"      {left.todo}"


def closing_line(survey: Survey, path: str) -> str:
    """What happened, and what to type next."""
    count = len(survey.functions)
    wrote = f"wrote {path}: {count} function{'s' if count > 1 else ''}"
    missing = [function.name for function in survey.functions if function.handler is None]
    if missing:
        return f"{wrote}; next: write the handler of {', '.join(missing)} in it, then imagekit plan"
    return f"{wrote}; next: imagekit plan"


def document(survey: Survey, path: str) -> str:
    """The same for a program: `{"schema": 1, "path": …, "functions": […], "left": […]}`."""
    content = {
        "schema": SCHEMA,
        "path": path,
        "functions": [
            {"name": one.name, "handler": one.handler, "where": one.where}
            for one in survey.functions
        ],
        "found": [{"where": said.where, "what": said.what} for said in survey.found],
        "left": [
            {"where": left.where, "what": left.what, "todo": left.todo} for left in survey.left
        ],
    }
    return json.dumps(content, indent=2)


def _table(found: Sequence[Said]) -> Iterator[str]:
    width = max(len(said.where) for said in found)
    for said in found:
        yield f"  {said.where.ljust(width)}  {said.what}"
