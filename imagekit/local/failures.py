"""What Lambda says of a function that did not answer. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from imagekit.local.runtime_api import Reported, Streamed, TooLarge
from imagekit.model.invocation import EVENT_LIMIT_BYTES, Failure, FailureKind, Limits

# Linux' numbers, whatever runs us, in the words of Lambda's own supervisor: Go's.
_SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    11: "segmentation fault",
    13: "broken pipe",
    15: "terminated",
}


def said(what: Reported | TooLarge | Streamed) -> Failure:
    """What came over the Runtime API and is no answer."""
    match what:
        case Reported(request_id=request_id, body=body):
            return _reported(body, init=request_id is None)
        case TooLarge(size_bytes=size_bytes):
            words = (
                f"Response payload size ({size_bytes} bytes) exceeded maximum allowed payload size "
                f"({EVENT_LIMIT_BYTES} bytes)."
            )
            return _said("size", "Function.ResponseSizeTooLarge", words)
        case Streamed():
            words = "the function streams its answer, and streams are not taken here"
            return _said("streaming", "Runtime.InvalidResponseMode", words)


def ended(values: Mapping[str, object], request_id: str, limits: Limits) -> Failure:
    """A process that ended by itself, as the relay saw it; `memory` where the kernel ended it."""
    match values:
        case {"memory": True}:
            why = f"Memory Size: {limits.memory_mb} MB Max Memory Used: {limits.memory_mb} MB"
            words = f"Runtime exited with error: signal: killed ({why})"
            return _own("memory", "Runtime.OutOfMemory", words, request_id)
        case {"signal": int(number)}:
            words = f"Runtime exited with error: signal: {_SIGNALS.get(number, f'signal {number}')}"
        case {"status": int(status)} if status:
            words = f"Runtime exited with error: exit status {status}"
        case _:
            words = "Runtime exited without providing a reason"
    return _own("exit", "Runtime.ExitError", words, request_id)


def timed_out(request_id: str, limits: Limits) -> Failure:
    """A handler past its time-out."""
    words = f"Task timed out after {limits.timeout_seconds:.2f} seconds"
    return _own("timeout", "Sandbox.Timedout", words, request_id)


def not_started(program: str, reason: str, request_id: str) -> Failure:
    """An entry point that cannot be run."""
    words = f"fork/exec {program}: {reason[:1].lower()}{reason[1:]}"
    return _own("entrypoint", "Runtime.InvalidEntrypoint", words, request_id)


def _reported(body: bytes, *, init: bool) -> Failure:
    found = _object(body)
    return Failure(
        kind="init" if init else "handler",
        type=str(found.get("errorType") or "Unhandled"),
        message=str(found.get("errorMessage") or ""),
        payload=body,
    )


def _own(kind: FailureKind, type_: str, words: str, request_id: str) -> Failure:
    return _said(kind, type_, f"RequestId: {request_id} Error: {words}")


def _said(kind: FailureKind, type_: str, message: str) -> Failure:
    payload = json.dumps({"errorType": type_, "errorMessage": message}).encode()
    return Failure(kind=kind, type=type_, message=message, payload=payload)


def _object(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {"errorMessage": body.decode("utf-8", "replace")}
    return found if isinstance(found, dict) else {"errorMessage": found}
