"""`imagekit check`: any artefact against every rule that its bytes can show."""

from __future__ import annotations

import json as encoder

from imagekit.check.archive import check_zip
from imagekit.check.findings import Report, report_json
from imagekit.check.image import check_image
from imagekit.check.opened import OpenZip
from imagekit.pipeline.artefact import opened
from imagekit.pipeline.workshop import Workshop
from imagekit.report.check import check_lines, closing_line


def run(workshop: Workshop, artefact: str, *, strict: bool, json: bool) -> bool:
    """Answer with the report; whether the artefact passes (`strict`: without warnings, too)."""
    with opened(workshop, artefact) as found:
        report = check_zip(found) if isinstance(found, OpenZip) else check_image(found)
    _tell(workshop, report, json=json)
    return report.passes(strict=strict)


def _tell(workshop: Workshop, report: Report, *, json: bool) -> None:
    if json:
        workshop.console.answer(encoder.dumps(report_json(report), indent=2))
    elif lines := list(check_lines(report)):
        workshop.console.answer("\n".join(lines))
    workshop.console.say(closing_line(report))
