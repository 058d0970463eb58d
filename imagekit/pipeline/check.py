"""`imagekit check`: any artefact against every rule that its bytes can show."""

from __future__ import annotations

import json as encoder

from imagekit.check.archive import check_zip
from imagekit.check.findings import Report, report_json
from imagekit.check.image import check_image
from imagekit.check.opened import OpenZip
from imagekit.model.importing import ImportCheck
from imagekit.pipeline.artefact import Opened, opened
from imagekit.pipeline.workshop import Workshop
from imagekit.report.check import check_lines, closing_line


def run(
    workshop: Workshop, artefact: str | None, *, strict: bool, imports: bool, json: bool
) -> bool:
    """Answer with the report; whether the artefact passes (`strict`: without warnings, too).

    With `imports` its handler is imported as well; without an artefact it is the newest build of
    the project's only function.
    """
    with opened(workshop, artefact) as found:
        report = check_zip(found) if isinstance(found, OpenZip) else check_image(found)
        imported = _imported(workshop, found) if imports else None
    _tell(workshop, report, imported, json=json)
    return report.passes(strict=strict) and not (imported and imported.failure)


def _imported(workshop: Workshop, found: Opened) -> ImportCheck:
    from imagekit.pipeline.starting.importing import check_import

    return check_import(workshop, found)


def _tell(workshop: Workshop, report: Report, imported: ImportCheck | None, *, json: bool) -> None:
    from imagekit.report.importing import import_json, import_line, import_lines

    lines = [*check_lines(report), *(import_lines(imported) if imported else ())]
    if json:
        value = report_json(report) | ({"import": import_json(imported)} if imported else {})
        workshop.console.answer(encoder.dumps(value, indent=2))
    elif lines:
        workshop.console.answer("\n".join(lines))
    workshop.console.say(closing_line(report))
    if imported:
        workshop.console.say(import_line(imported))
