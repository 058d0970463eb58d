"""The `REPORT` line that Lambda ends every call with, as a value; also in its JSON form.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

_LINE = re.compile(r"^REPORT RequestId: (?P<id>\S+)\t(?P<fields>.*)$", re.MULTILINE)
_FIELD = re.compile(r"(?P<name>[A-Z][A-Za-z ]*): (?P<value>[\d.]+) (?:ms|MB)")
_MB = 1024 * 1024


class Report(Struct, frozen=True, kw_only=True):
    """What one call cost; times in milliseconds, None where the line does not say it."""

    request_id: str
    duration_ms: float
    billed_ms: float
    memory_limit_mb: int
    memory_bytes: int
    """The peak of the environment so far, in whole MB."""
    init_ms: float | None = None
    """Only of a call that waited for a fresh environment."""
    restore_ms: float | None = None
    """Only of a call that waited for a snapshot."""
    billed_restore_ms: float | None = None

    @property
    def cold(self) -> bool:
        """Whether the environment was made for this call."""
        return self.init_ms is not None or self.restore_ms is not None


def reports(log: str) -> Iterator[Report]:
    """Every report in a log, in order; other lines may stand between them."""
    for line in log.splitlines():
        if match := _LINE.match(line):
            fields = {one["name"].strip(): one["value"] for one in _FIELD.finditer(match["fields"])}
            if found := _of_fields(match["id"], fields):
                yield found
        elif line.startswith("{") and "platform.report" in line and (found := _of_json(line)):
            yield found


def _of_fields(request_id: str, fields: Mapping[str, str]) -> Report | None:
    def number(name: str) -> float | None:
        return float(fields[name]) if name in fields else None

    return _report(
        request_id,
        {
            "durationMs": number("Duration"),
            "billedDurationMs": number("Billed Duration"),
            "memorySizeMB": number("Memory Size"),
            "maxMemoryUsedMB": number("Max Memory Used"),
            "initDurationMs": number("Init Duration"),
            "restoreDurationMs": number("Restore Duration"),
            "billedRestoreDurationMs": number("Billed Restore Duration"),
        },
    )


def _of_json(line: str) -> Report | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    match value:
        case {
            "type": "platform.report",
            "record": {"requestId": str(request_id), "metrics": dict(metrics)},
        }:
            return _report(request_id, metrics)
    return None


def _report(request_id: str, metrics: Mapping[str, object]) -> Report | None:
    def number(name: str) -> float | None:
        value = metrics.get(name)
        return float(value) if isinstance(value, int | float) else None

    match [
        number(name)
        for name in ("durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB")
    ]:
        case [float(duration), float(billed), float(limit), float(used)]:
            return Report(
                request_id=request_id,
                duration_ms=duration,
                billed_ms=billed,
                memory_limit_mb=int(limit),
                memory_bytes=int(used * _MB),
                init_ms=number("initDurationMs"),
                restore_ms=number("restoreDurationMs"),
                billed_restore_ms=number("billedRestoreDurationMs"),
            )
    return None
