"""One execution environment: a container in Lambda's sandbox, started, invoked, ended.

Durations are the container's own: the relay stamps every byte of the function's with its monotonic
clock, so neither the engine nor this process is in them.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from imagekit.daemon.engine import Engine
from imagekit.local import failures, frames
from imagekit.local.channel import Booted, Gone, Log, OtherMachine, boot
from imagekit.local.frames import Frame
from imagekit.local.runtime_api import (
    Answered,
    Event,
    Polled,
    Reported,
    RuntimeApi,
    Said,
    Streamed,
    TooLarge,
)
from imagekit.local.sandbox import Sandbox
from imagekit.local.variables import arn_of
from imagekit.model.errors import RemoteRefused
from imagekit.model.invocation import Failure, Init, Invocation

_BOOT_SECONDS = 120
_EMULATED_INIT_SECONDS = 300
_MOMENT_SECONDS = 2.0


class _End(Struct, frozen=True, kw_only=True):
    """How a wait ended: with a request for work, an answer, or a failure."""

    at_ns: int
    answer: bytes | None = None
    failure: Failure | None = None
    memory_bytes: int | None = None
    tmp_bytes: int = 0


class Environment:
    """Use it in a `with`; `log` is told what the function writes, from another thread.

    `start` is INIT, `invoke` one event after the other. After a crash or a time-out the next
    invocation starts the function's process anew, in the same container, as Lambda does.
    """

    def __init__(
        self,
        engine: Engine,
        sandbox: Sandbox,
        log: Log = lambda data: None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._sandbox, self._log, self._now = engine, sandbox, log, now
        self._booted: Booted | None = None
        self._api = RuntimeApi(self._reply, lambda number: self._send(frames.hang_up(number)))
        self._pending: deque[tuple[Frame | Said | Gone, int]] = deque()
        self._sent = self._taken = self._given = 0
        self._began_ns = self._handed_ns = 0
        self._alive = self._overdue = False
        self._init: Init | None = None
        self._extensions: tuple[str, ...] = ()
        self.emulated = False
        """Whether the image is for another architecture than the engine's; known once started."""

    @property
    def ready(self) -> bool:
        """Whether a process is there, as far as is known, or INIT's failure to be told."""
        self._settle()
        return self._alive or self._overdue or self._init is not None

    def start(self) -> Init:
        """INIT: a fresh process, in a container if there is none yet, up to its first request.

        RemoteRefused where the engine does not run the image.
        """
        self._init = self._start(None)
        self._overdue = self._init.timed_out
        return self._init

    def invoke(self, event: bytes) -> Invocation:
        """Hand over one event and wait for what comes of it; starts what is not there."""
        request_id = str(uuid.uuid4())
        self._settle()
        if not (self._alive or self._overdue or self._init):
            self.start()
        init, self._init = self._init, None
        if self._overdue:
            return self._overdue_invoke(request_id, event)
        if init and init.failure:
            return self._told(request_id, _End(at_ns=0, failure=init.failure), 0.0, init)
        until = time.monotonic() + self._sandbox.limits.timeout_seconds
        return self._run(request_id, event, until, init)

    def end_process(self) -> None:
        """The next invocation starts a fresh one."""
        self._send(frames.kill())
        until = time.monotonic() + _MOMENT_SECONDS
        while found := self._take(until):
            match found:
                case ((Frame(kind=frames.KILLED) | Gone()), _):
                    break
        self._ended()

    def stop(self) -> None:
        """End the container; all of its log was told when this returns."""
        if self._alive:
            self.end_process()  # first, as it would log that its connections end
        if self._booted is not None:
            self._booted.channel.close()
        self._booted = None
        self._ended()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, limit_seconds: float | None) -> Init:
        """Start the process and wait for its first request; for as long as Lambda would."""
        refused = self._begin()
        if refused is not None:
            return Init(ms=0.0, failure=refused)
        own_limit = _EMULATED_INIT_SECONDS if self.emulated else self._sandbox.limits.init_seconds
        limit = own_limit if limit_seconds is None else limit_seconds
        end = self._end("", time.monotonic() + limit, polled=True)
        if end is None:
            self.end_process()
            return Init(ms=limit * 1000, timed_out=True, extensions=self._extensions)
        if end.failure:
            self.end_process()
        ms = (end.at_ns - self._began_ns) / 1e6
        return Init(ms=ms, failure=end.failure, extensions=self._extensions)

    def _begin(self) -> Failure | None:
        try:
            if self._booted is None:
                self._booted = boot(self._engine, self._sandbox, self._log)
        except OtherMachine as refused:
            return self._not_here(refused.program)
        argv, self.emulated = self._sandbox.argv(self._booted.image), self._booted.emulated
        self._send(frames.start(argv))
        until = time.monotonic() + _BOOT_SECONDS
        while found := self._take(until):
            match found:
                case Frame(kind=frames.BEGAN), at_ns:
                    self._began_ns, self._alive = at_ns, True
                    return None
                case Frame(kind=frames.NOT_STARTED, values=values), _:
                    program, reason = str(values.get("program")), str(values.get("reason"))
                    return failures.not_started(program, reason, str(uuid.uuid4()))
                case Gone(), _ if self.emulated:
                    return self._not_here(argv[0])
                case Gone(), _:
                    return failures.ended({}, str(uuid.uuid4()), self._sandbox.limits)
        raise RemoteRefused(
            what=f"the container of {self._sandbox.function} did not start",
            causes=(f"the relay in it said nothing for {_BOOT_SECONDS} s",),
        )

    def _not_here(self, program: str) -> Failure:
        """The image's Python, in which the relay runs, is for another processor."""
        return failures.not_started(program, "exec format error", str(uuid.uuid4()))

    def _overdue_invoke(self, request_id: str, event: bytes) -> Invocation:
        """INIT was over its limit: it is done again, within the function's time-out (rule C1)."""
        limits = self._sandbox.limits
        until = time.monotonic() + limits.timeout_seconds
        init = self._start(limits.timeout_seconds)
        if init.timed_out:
            end = _End(at_ns=0, failure=failures.timed_out(request_id, limits))
            return self._told(request_id, end, limits.timeout_seconds * 1000)
        self._overdue = False
        if init.failure:
            return self._told(request_id, _End(at_ns=0, failure=init.failure), init.ms)
        found = self._run(request_id, event, until, None)
        return replace(found, duration_ms=found.duration_ms + init.ms)

    def _run(self, request_id: str, event: bytes, until: float, init: Init | None) -> Invocation:
        while self._api.waiting is None and self._alive:
            if self._take(until) is None:
                break
        if self._api.waiting is None and not self._alive:
            return self.invoke(event)  # it ended between two events
        end = None
        if self._api.waiting is not None:
            self._api.give(self._event(request_id, event, until))
            self._given = self._sent
            end = self._end(request_id, until)
        if end is None:
            limits = self._sandbox.limits
            end = replace(self._look(), failure=failures.timed_out(request_id, limits))
            self.end_process()
            return self._told(request_id, end, limits.timeout_seconds * 1000, init)
        duration_ms = (end.at_ns - self._handed_ns) / 1e6
        if self._alive:
            memory = self._look()
            end = replace(end, memory_bytes=memory.memory_bytes, tmp_bytes=memory.tmp_bytes)
        return self._told(request_id, end, duration_ms, init)

    def _end(self, request_id: str, until: float, *, polled: bool = False) -> _End | None:
        """Wait for what ends INIT (`polled`) or an invocation; None where there is no time left."""
        while found := self._take(until):
            what, at_ns = found
            match what:
                case Polled() if polled:
                    return _End(at_ns=at_ns)
                case Answered(body=body):
                    return _End(at_ns=at_ns, answer=body)
                case Reported() | TooLarge() | Streamed():
                    return _End(at_ns=at_ns, failure=failures.said(what))
                case Frame(kind=frames.ENDED, values=values):
                    return self._died(values, at_ns, request_id)
                case Gone():
                    return self._died({}, self._began_ns, request_id)
        return None

    def _died(self, values: dict[str, object], at_ns: int, request_id: str) -> _End:
        resident, tmp = values.get("resident"), values.get("tmp")
        return _End(
            at_ns=at_ns,
            failure=failures.ended(values, request_id or str(uuid.uuid4()), self._sandbox.limits),
            memory_bytes=resident if isinstance(resident, int) else None,
            tmp_bytes=tmp if isinstance(tmp, int) else 0,
        )

    def _look(self) -> _End:
        """The memory of the process now."""
        self._send(frames.look())
        until = time.monotonic() + _MOMENT_SECONDS
        while found := self._take(until):
            match found:
                case Frame(kind=(frames.MEMORY | frames.ENDED), values=values), at_ns:
                    return replace(self._died(values, at_ns, "-"), failure=None)
                case Gone(), _:
                    break
        return _End(at_ns=0)

    def _told(
        self, request_id: str, end: _End, duration_ms: float, init: Init | None = None
    ) -> Invocation:
        limit_bytes = self._sandbox.limits.memory_mb << 20
        memory = end.memory_bytes
        if end.failure is not None and end.failure.kind == "memory":
            memory = limit_bytes
        answered = end.answer is not None and init is not None
        return Invocation(
            request_id=request_id,
            limits=self._sandbox.limits,
            payload=end.answer if end.answer is not None else _payload(end.failure),
            failure=end.failure,
            duration_ms=duration_ms,
            init_ms=init.ms if init else None,
            first_answer_ms=init.ms + duration_ms if init and answered else None,
            memory_bytes=None if memory is None else min(memory, limit_bytes),
            tmp_bytes=end.tmp_bytes,
        )

    def _event(self, request_id: str, body: bytes, until: float) -> Event:
        left = until - time.monotonic()
        now = self._now()
        trace = f"Root=1-{int(now):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)}"
        return Event(
            request_id=request_id,
            body=body,
            deadline_ms=int((now + left) * 1000),
            arn=arn_of(self._sandbox.function, self._sandbox.region),
            trace_id=f"{trace};Sampled=0",
        )

    def _settle(self) -> None:
        """Take note of what happened since the last invocation."""
        while self._booted is not None and self._take(0.0):
            pass

    def _take(self, until: float) -> tuple[Frame | Said | Gone, int] | None:
        """What happens next, and when on the container's clock; None where there is no time."""
        while not self._pending:
            found = self._booted.channel.take(until) if self._booted else Gone()
            if found is None:
                return None
            self._pending.extend(self._understood(found))
        return self._pending.popleft()

    def _understood(self, found: Frame | Gone) -> list[tuple[Frame | Said | Gone, int]]:
        if isinstance(found, Gone):
            self.stop()
            return [(found, 0)]
        match found.kind:
            case frames.DATA:
                said = self._api.received(found.connection, found.payload)
                return [(one, found.at_ns) for one in said]
            case frames.CLOSED:
                self._api.closed(found.connection)
            case frames.HANDED:
                self._taken += 1
                if self._taken == self._given:
                    self._handed_ns = found.at_ns
            case frames.ENDED:
                self._ended()
            case frames.READY:
                named = found.values.get("extensions")
                self._extensions = tuple(map(str, named)) if isinstance(named, list) else ()
        return [(found, found.at_ns)]

    def _ended(self) -> None:
        self._alive = False
        self._api.forget()

    def _reply(self, number: int, data: bytes) -> None:
        self._sent += 1
        self._send(frames.data(number, data))

    def _send(self, data: bytes) -> None:
        if self._booted is not None:
            self._booted.channel.send(data)


def _payload(failure: Failure | None) -> bytes:
    return failure.payload if failure else b""
