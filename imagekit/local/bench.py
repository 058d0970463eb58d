"""Cold starts of several artefacts, in turn, so that what the machine does else hits all alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from imagekit.daemon.engine import Engine
from imagekit.local.environment import Environment
from imagekit.local.sandbox import Sandbox
from imagekit.model.errors import CannotBuild
from imagekit.model.invocation import Failure
from imagekit.model.startup import ColdStart


class Contender(Struct, frozen=True, kw_only=True):
    """An artefact that starts again and again."""

    artefact: str
    sandbox: Sandbox


def rounds(
    engine: Engine,
    contenders: Sequence[Contender],
    count: int,
    event: bytes,
    *,
    done: Callable[[ColdStart], None] = lambda start: None,
) -> Iterator[tuple[ColdStart, ...]]:
    """`count` rounds with one cold start of each, after one that nobody counts: its files come
    from the disk, and would make whatever runs first look slow.

    Errors: CannotBuild where a function does not start, RemoteRefused for the engine's.
    """
    for one in contenders:
        cold_start(engine, one, event, batch=0)
    for batch in range(count):
        # Every round begins with another, so that nobody always runs after the same.
        first = batch % len(contenders)
        ordered = (*contenders[first:], *contenders[:first])
        starts = {}
        for one in ordered:
            starts[one.artefact] = cold_start(engine, one, event, batch=batch)
            done(starts[one.artefact])
        yield tuple(starts[one.artefact] for one in contenders)


def cold_start(engine: Engine, one: Contender, event: bytes, *, batch: int) -> ColdStart:
    """One fresh container: INIT, one event, and its end. A handler's own error is an answer.

    CannotBuild where INIT fails: there is nothing to compare.
    """
    log: list[bytes] = []
    with Environment(engine, one.sandbox, log.append) as environment:
        init = environment.start()
        found = environment.invoke(event)
    failure = init.failure or (found.failure if not _answered(found.failure) else None)
    if failure is not None:
        said = b"".join(log).decode("utf-8", "replace").strip().splitlines()[-5:]
        raise CannotBuild(
            what=f"{one.artefact} does not start: {failure.type}: {failure.message}",
            causes=tuple(said),
            hint=f"imagekit invoke {one.artefact}",
        )
    return ColdStart(
        artefact=one.artefact,
        batch=batch,
        init_ms=init.ms,
        first_answer_ms=init.ms + found.duration_ms,
        duration_ms=found.duration_ms,
        memory_bytes=found.memory_bytes,
    )


def _answered(failure: Failure | None) -> bool:
    """An error of the handler's own came from a handler that had started."""
    return failure is None or failure.kind == "handler"
