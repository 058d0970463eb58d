"""Lambda's own lines about an invocation."""

from __future__ import annotations

import pytest

from imagekit.model.invocation import Failure, FailureKind, Init, Invocation, Limits
from imagekit.report.invocation import failure_lines, init_lines, notes, report_line


def failure(kind: FailureKind, type_: str) -> Failure:
    return Failure(kind=kind, type=type_, message=f"about {kind}", payload=b"{}")


def invocation(found: Failure | None = None, **more: object) -> Invocation:
    return Invocation(
        request_id="id",
        limits=Limits(memory_mb=512),
        payload=b"1",
        failure=found,
        duration_ms=12.345,
        **more,  # type: ignore[arg-type]
    )


def test_report_of_a_cold_and_of_a_warm_start() -> None:
    """As CloudWatch has it, tabs and all; INIT is billed with the first event (rule C2)."""
    cold = invocation(init_ms=100.2, memory_bytes=(30 << 20) + 1)
    assert report_line(cold) == (
        "REPORT RequestId: id\tDuration: 12.35 ms\tBilled Duration: 113 ms\tMemory Size: 512 MB\t"
        "Max Memory Used: 31 MB\tInit Duration: 100.20 ms"
    )
    assert report_line(invocation()) == (
        "REPORT RequestId: id\tDuration: 12.35 ms\tBilled Duration: 13 ms\tMemory Size: 512 MB"
    )


@pytest.mark.parametrize(
    ("kind", "type_", "status", "lines"),
    [
        ("handler", "KeyError", "", []),
        ("init", "Runtime.X", "\tStatus: error\tError Type: Runtime.X", []),
        ("timeout", "Sandbox.Timedout", "\tStatus: timeout", ["about timeout"]),
        (
            "exit",
            "Runtime.ExitError",
            "\tStatus: error\tError Type: Runtime.ExitError",
            ["about exit", "Runtime.ExitError"],
        ),
        (
            "memory",
            "Runtime.OutOfMemory",
            "\tStatus: error\tError Type: Runtime.OutOfMemory",
            ["about memory", "Runtime.OutOfMemory"],
        ),
        (
            "size",
            "Function.ResponseSizeTooLarge",
            "\tStatus: error\tError Type: Function.ResponseSizeTooLarge",
            ["[ERROR] Function.ResponseSizeTooLarge: about size"],
        ),
    ],
)
def test_failures(kind: FailureKind, type_: str, status: str, lines: list[str]) -> None:
    """What the function logged itself is not said again; the status is Lambda's."""
    found = invocation(failure(kind, type_))

    assert report_line(found).partition("512 MB")[2] == status
    assert list(failure_lines(found)) == lines


def test_init_that_went_wrong() -> None:
    """INIT_REPORT, of a time-out and of an error; a good one has none."""
    assert list(init_lines(Init(ms=80.0))) == []
    assert list(init_lines(Init(ms=10_000.0, timed_out=True))) == [
        "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout"
    ]
    assert list(init_lines(Init(ms=80.0, failure=failure("init", "Runtime.X")))) == [
        "INIT_REPORT Init Duration: 80.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.X"
    ]


def test_where_this_machine_is_not_lambda() -> None:
    """Extensions that are not started; a processor that is emulated, and INIT's limit with it."""
    assert list(notes(Init(ms=80.0), emulated=False)) == []
    (said,) = notes(Init(ms=80.0, extensions=("datadog", "other")), emulated=False)
    assert said == "note: extensions are not started here: datadog, other"
    (said,) = notes(Init(ms=12_000.0), emulated=True)
    assert said.endswith("INIT's limit of 10 s is not applied (it took 12.0 s)")
