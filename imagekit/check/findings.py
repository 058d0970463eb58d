"""What a check says: rules, what breaks them, and the report of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning"]


class Rule(Struct, frozen=True, kw_only=True):
    """One thing that Lambda or ECR asks of an artefact, as `lambda_rules` numbers it."""

    id: str
    title: str
    """What must hold."""
    severity: Severity
    """Of what others made: an error is documented, recorded from AWS or reported several times."""
    source: str
    confidence: str
    """Documented, AWS-recorded, reported, source, local, inferred or unknown."""
    lambda_says: str | None = None
    """What the user would read without this check; None where nobody recorded it."""
    ours: Severity = "error"
    """Of what imagekit made: nearly always an error (decision 6)."""
    hint: str | None = None
    """What to change, where the rule itself does not say it."""

    def found(
        self, place: str, what: str, *, ours: bool = False, severity: Severity | None = None
    ) -> Finding:
        """The rule is broken at `place`; `severity` where it differs from the rule's own."""
        return Finding(
            rule=self.id,
            severity=severity or (self.ours if ours else self.severity),
            place=place,
            what=what,
            lambda_says=self.lambda_says,
            hint=self.hint,
        )


class Finding(Struct, frozen=True, kw_only=True):
    """A rule that is broken, and where."""

    rule: str
    severity: Severity
    place: str
    """A document, or a layer and a path in it."""
    what: str
    lambda_says: str | None = None
    hint: str | None = None


Findings = Iterator[Finding]
"""What a rule's function gives."""


class Report(Struct, frozen=True, kw_only=True):
    """All that was found in one artefact: errors first, then as they were met."""

    name: str
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...] = ()
    """Layers whose bytes were not there: rules over files know nothing of them."""
    rules_run: tuple[str, ...] = ()
    """Rules that were judged, on all that they are about or on the layers that were there."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What must not be shipped."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What may be a mistake."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def passes(self, *, strict: bool = False) -> bool:
        """Whether nothing is wrong; with `strict` a warning is wrong, too."""
        return not (self.findings if strict else self.errors)


def report_json(report: Report) -> dict[str, object]:
    """The report as a JSON object."""
    return {
        "artefact": report.name,
        "ok": report.passes(),
        "findings": [
            {
                "id": finding.rule,
                "severity": finding.severity,
                "place": finding.place,
                "what": finding.what,
                "lambda": finding.lambda_says,
            }
            | ({"hint": finding.hint} if finding.hint else {})
            for finding in report.findings
        ],
        "unseen": list(report.unseen),
        "rules": list(report.rules_run),
    }
