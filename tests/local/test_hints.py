"""Reasons that people can act on, from what a failure and a log say."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from imagekit.local.hints import Circumstances, of_limits, reasons
from imagekit.model.invocation import Failure, FailureKind, Invocation, Limits

HERE = Circumstances(
    function="scoring",
    architecture="amd64",
    machine="amd64",
    network=False,
    handler="scoring.app.handler",
)


def failure(message: str, kind: FailureKind = "handler", *trace: str) -> Failure:
    payload = json.dumps({"errorMessage": message, "stackTrace": trace}).encode()
    return Failure(kind=kind, type="Error", message=message, payload=payload)


def said(found: Failure, at: Circumstances = HERE, log: str = "") -> list[str]:
    return list(reasons(found, log, at))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("[Errno 13] Permission denied: '/var/task/app.py'", "/var/task/app.py may not be used by"),
        ("exec: /var/task/run.sh: Permission denied", "/var/task/run.sh may not be used by"),
        ("[Errno 30] Read-only file system: '/var/task/x'", "only /tmp can be written"),
        ("[Errno 13] Permission denied: '/dev/shm/x'", "Lambda has no /dev/shm"),
        ("Unable to import module 'a': No module named 'yaml'", "yaml is not in the artefact"),
        ("No module named 'scoring'", "the handler is scoring.app.handler, and scoring is not"),
        ("No module named 'numpy._core._multiarray_umath'", "for another Python or another arch"),
        ("libgomp.so.1: cannot open shared object file", "libgomp.so.1 is not in the artefact"),
        ("/x/y.so: invalid ELF header", "a compiled module is for another architecture"),
        ("version `GLIBC_2.38' not found", "needs GLIBC_2.38, and the base is older"),
        ("<urlopen error [Errno -3] Temporary failure in name resolution>", "add `--network`"),
        ('Could not connect to the endpoint URL: "https://s3"', "add `--network`"),
        ("[Errno 101] Network is unreachable", "add `--network`"),
    ],
)
def test_one_reason_for_each(message: str, reason: str) -> None:
    """What was said is told in words that name the thing and what to do: exactly one of them."""
    found = said(failure(message))

    assert len(found) == 1
    assert reason in found[0]


def test_reason_may_stand_in_the_trace_or_the_log() -> None:
    """Handlers wrap errors; processes that end by themselves say things in the log alone."""
    wrapped = failure(
        "could not start", "handler", "OSError: [Errno 30] Read-only file system: '/x'"
    )
    assert "only /tmp" in said(wrapped)[0]
    assert "only /tmp" in said(failure("exit"), log="[Errno 30] Read-only file system: '/x'")[0]


def test_with_a_network_its_absence_is_no_reason() -> None:
    """A name that is not found is then the function's own problem."""
    found = failure("Name or service not known")

    assert said(found) != []
    assert said(found, replace(HERE, network=True)) == []


def test_wrong_architecture() -> None:
    """The whole image, or one program in it."""
    found = failure("fork/exec /lambda-entrypoint.sh: exec format error", "entrypoint")
    foreign = said(found, replace(HERE, architecture="arm64"))

    assert foreign[0].startswith("the image is for arm64, and this Docker runs amd64")
    assert "a program in the image is for another architecture" in said(found)[0]
    assert "ENTRYPOINT must be" in said(failure("fork/exec x: no such file", "entrypoint"))[0]


def test_nothing_known_is_nothing_said() -> None:
    """A handler's own error needs no advice; a payload that is no JSON does no harm."""
    assert said(failure("no such order")) == []
    odd = Failure(kind="handler", type="x", message="m", payload=b"\xff not JSON")
    assert said(odd) == []


def invocation(kind: FailureKind, tmp_bytes: int = 0) -> Invocation:
    return Invocation(
        request_id="id",
        limits=Limits(memory_mb=128, timeout_seconds=3),
        payload=b"{}",
        failure=failure("m", kind),
        tmp_bytes=tmp_bytes,
    )


def test_limits_name_their_key() -> None:
    """What to raise, by its own name; /tmp is mentioned where it took memory."""
    assert "after 3 s: raise `functions.scoring.lambda.timeout`" in next(
        of_limits(invocation("timeout"), HERE)
    )
    memory = next(of_limits(invocation("memory", 1000), HERE))
    assert memory == "128 MB were not enough: raise `functions.scoring.lambda.memory`"
    assert "; 60 MB of it lie in /tmp" in next(of_limits(invocation("memory", 60 << 20), HERE))
    assert list(of_limits(invocation("exit"), HERE)) == []
