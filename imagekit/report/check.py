"""A check's report in words: one line a finding, what Lambda would say beneath."""

from __future__ import annotations

from collections.abc import Iterator

from imagekit.check.findings import Report

_SHOWN = 40


def check_lines(report: Report) -> Iterator[str]:
    """Errors first; each with its rule, its place, and Lambda's own words where they are known."""
    findings = (*report.errors, *report.warnings)
    said: set[str] = set()
    for finding in findings[:_SHOWN]:
        yield f"{finding.severity} {finding.rule}  {finding.place}: {finding.what}"
        if finding.severity == "error" and finding.lambda_says and finding.rule not in said:
            said.add(finding.rule)
            yield f"    Lambda would say: {finding.lambda_says}"
        if finding.hint:
            yield f"    hint: {finding.hint}"
    if len(findings) > _SHOWN:
        yield f"and {len(findings) - _SHOWN} more; --json lists them all"
    for layer in report.unseen:
        yield f"unseen  {layer}: its bytes are not here"


def closing_line(report: Report) -> str:
    """What came out, in one line."""
    errors, warnings = len(report.errors), len(report.warnings)
    verdict = "Lambda would refuse it" if errors else "Lambda accepts it, as far as can be seen"
    counts = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    unseen = f", {_count(len(report.unseen), 'layer')} unseen" if report.unseen else ""
    return f"{report.name}  {len(set(report.rules_run))} rules  {counts}{unseen}: {verdict}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
