"""What is said of an invocation: Lambda's own lines, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from imagekit.model.invocation import INIT_LIMIT_SECONDS, Failure, Init, Invocation

_MB = 1 << 20


def report_line(found: Invocation) -> str:
    """As Lambda's own, which every parser of its logs reads."""
    parts = [
        f"REPORT RequestId: {found.request_id}",
        f"Duration: {found.duration_ms:.2f} ms",
        f"Billed Duration: {found.billed_ms} ms",
        f"Memory Size: {found.limits.memory_mb} MB",
    ]
    if found.memory_bytes is not None:
        parts.append(f"Max Memory Used: {-(-found.memory_bytes // _MB)} MB")
    if found.init_ms is not None:
        parts.append(f"Init Duration: {found.init_ms:.2f} ms")
    if found.failure is not None and found.failure.kind == "timeout":
        parts.append("Status: timeout")
    elif found.failure is not None and found.failure.kind != "handler":
        parts += ["Status: error", f"Error Type: {found.failure.type}"]
    return "\t".join(parts)


def init_lines(init: Init) -> Iterator[str]:
    """What Lambda says of an INIT that went wrong."""
    if init.timed_out:
        yield f"INIT_REPORT Init Duration: {init.ms:.2f} ms\tPhase: init\tStatus: timeout"
    elif init.failure is not None:
        parts = (f"INIT_REPORT Init Duration: {init.ms:.2f} ms", "Phase: init", "Status: error")
        yield "\t".join((*parts, f"Error Type: {init.failure.type}"))


def failure_lines(found: Invocation) -> Iterator[str]:
    """What Lambda's log says of a failure that the function did not log itself."""
    match found.failure:
        case Failure(kind="exit" | "memory" | "entrypoint" | "timeout"):
            yield found.failure.message
            if found.failure.kind != "timeout":
                yield found.failure.type
        case Failure(kind="size" | "streaming"):
            yield f"[ERROR] {found.failure.type}: {found.failure.message}"


def notes(init: Init, *, emulated: bool) -> Iterator[str]:
    """Where this machine is not Lambda."""
    if init.extensions:
        yield f"note: extensions are not started here: {', '.join(init.extensions)}"
    if emulated:
        slow = init.ms > INIT_LIMIT_SECONDS * 1000
        yield (
            "note: this processor is emulated: times mean nothing, and INIT's limit of "
            f"{INIT_LIMIT_SECONDS} s is not applied"
            + (f" (it took {init.ms / 1000:.1f} s)" if slow else "")
        )
