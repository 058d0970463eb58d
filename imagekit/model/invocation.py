"""A function that ran as Lambda runs it: what it was given, what came of it. Durations are ms."""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct

MEMORY_MB = 1024
TIMEOUT_SECONDS = 30
STORAGE_MB = 512

INIT_LIMIT_SECONDS = 10
"""lambda_rules C1."""

EVENT_LIMIT_BYTES = 6_291_556
"""Of an event, and of an answer: 6 MB and what the request needs around it.

docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, "Invocation payload".
"""

FailureKind = Literal[
    "init", "handler", "exit", "memory", "timeout", "entrypoint", "size", "streaming"
]

# docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html: one vCPU at 1,769 MB, six at most.
_MB_OF_A_CPU = 1769
_MOST_CPUS = 6


class Limits(Struct, frozen=True, kw_only=True):
    """What a function may have."""

    memory_mb: int = MEMORY_MB
    timeout_seconds: int = TIMEOUT_SECONDS
    storage_mb: int = STORAGE_MB
    """Of `/tmp`."""
    init_seconds: float = INIT_LIMIT_SECONDS
    """Nobody can raise it in Lambda."""

    @property
    def cpus(self) -> float:
        """The share of processors that comes with the memory."""
        return min(self.memory_mb / _MB_OF_A_CPU, _MOST_CPUS)


DEFAULT_LIMITS = Limits()
"""Where nothing says otherwise."""


class Failure(Struct, frozen=True, kw_only=True):
    """What went wrong, told apart as Lambda does."""

    kind: FailureKind
    type: str
    """Lambda's word, such as `Runtime.ExitError`, or the class of the handler's own error."""
    message: str
    payload: bytes
    """What Lambda would answer: JSON."""


class Init(Struct, frozen=True, kw_only=True):
    """The INIT phase of one environment."""

    ms: float
    """From the start of the process to its first request for work, or to its failure."""
    failure: Failure | None = None
    timed_out: bool = False
    """Over Lambda's limit: its first invocation starts the process once more."""
    extensions: tuple[str, ...] = ()
    """Programs in `/opt/extensions`, which Lambda would start, too."""


class Invocation(Struct, frozen=True, kw_only=True):
    """One event and what came of it."""

    request_id: str
    limits: Limits
    payload: bytes
    """The answer, or Lambda's JSON about the failure."""
    failure: Failure | None = None
    duration_ms: float = 0.0
    """From the event handed over to the answer."""
    init_ms: float | None = None
    """Where this was the first invocation of its environment."""
    first_answer_ms: float | None = None
    """From the start of the process to the answer, of a first invocation that answered."""
    memory_bytes: int | None = None
    """The peak of the function's processes; None where nobody could look."""
    tmp_bytes: int = 0
    """What lay in `/tmp` in the end: it counts as memory here, and not in Lambda."""

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds, INIT included (lambda_rules C2)."""
        return math.ceil(self.duration_ms + (self.init_ms or 0))
