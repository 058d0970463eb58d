"""Lambda's `REPORT` line, as it is in logs."""

from __future__ import annotations

import pytest

from imagekit.model.report_line import reports

MB = 1024 * 1024
ID = "3604209a-e9a3-11e6-939a-754dd98c7be3"
# As docs.aws.amazon.com, "Log and monitor Python Lambda functions", prints it.
COLD = (
    f"START RequestId: {ID} Version: $LATEST\n"
    "REPORT is what follows\n"
    f"END RequestId: {ID}\n"
    f"REPORT RequestId: {ID}\tDuration: 15.74 ms\tBilled Duration: 147 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 56 MB\tInit Duration: 130.49 ms\t\n"
    "XRAY TraceId: 1-5e34a614-10bdxmplf1fb44f07bc535a1\tSegmentId: 07f5xmpl2d1f6f85\tSampled: true"
)
WARM = (
    f"REPORT RequestId: {ID}\tDuration: 0.82 ms\tBilled Duration: 1 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 57 MB\t"
)
RESTORED = (
    f"REPORT RequestId: {ID}\tDuration: 85.29 ms\tBilled Duration: 143 ms\t"
    "Memory Size: 1024 MB\tMax Memory Used: 170 MB\tRestore Duration: 303.35 ms\t"
    "Billed Restore Duration: 57 ms\t"
)
# docs.aws.amazon.com, "Lambda Telemetry API Event schema reference", platform.report.
AS_JSON = (
    '{"time":"2022-10-12T00:01:15.000Z","type":"platform.report","record":{"metrics":'
    '{"billedDurationMs":694,"durationMs":693.92,"initDurationMs":397.68,"maxMemoryUsedMB":84,'
    '"memorySizeMB":128},"requestId":"6d68ca91-49c9-448d-89b8-7ca3e6dc66aa","status":"success"}}'
)


def test_a_cold_call_tells_its_init() -> None:
    """Init duration, billed duration and peak are read among other lines of the log."""
    (found,) = reports(COLD)

    assert (found.request_id, found.duration_ms, found.billed_ms) == (ID, 15.74, 147)
    assert (found.init_ms, found.memory_bytes, found.memory_limit_mb) == (130.49, 56 * MB, 128)
    assert found.cold


def test_a_warm_call_has_no_init() -> None:
    """What has neither init nor restore was no cold start."""
    (found,) = reports(WARM)

    assert (found.init_ms, found.restore_ms, found.cold) == (None, None, False)


def test_a_restored_call_tells_its_restore() -> None:
    """SnapStart reports restoring in place of init, and bills a part of it."""
    (found,) = reports(RESTORED)

    assert (found.restore_ms, found.billed_restore_ms, found.init_ms) == (303.35, 57, None)
    assert found.cold


def test_a_function_that_logs_json_is_read_too() -> None:
    """With `LogFormat: JSON` the platform's own lines are JSON as well."""
    (found,) = reports(AS_JSON)

    assert (found.init_ms, found.duration_ms, found.memory_bytes) == (397.68, 693.92, 84 * MB)


def test_a_log_of_several_calls_gives_all_in_order() -> None:
    """The tail of a log may show more than one call."""
    assert [found.cold for found in reports(f"{COLD}\n{WARM}\n{RESTORED}")] == [True, False, True]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "INIT_REPORT Init Duration: 10009.03 ms\tPhase: init\tStatus: timeout",
        f"REPORT RequestId: {ID}",
        f"REPORT RequestId: {ID}\tDuration: 15.74 ms",
        '{"type":"platform.report","record":{}}',
        '{"type":"platform.report", cut off',
    ],
)
def test_what_is_no_whole_report_is_no_report(line: str) -> None:
    """Lines that are cut off, or of another kind, give nothing instead of zeros."""
    assert list(reports(line)) == []
