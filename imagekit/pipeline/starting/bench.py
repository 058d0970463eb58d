"""`imagekit bench`: cold starts in fresh containers, artefacts in turn.

artefacts ─→ engine, all of them ─→ rounds of one cold start each ─→ series ─→ words, JSON
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.model.errors import UsageError
from imagekit.model.packaging import Asked
from imagekit.model.startup import ColdStart, StartSeries
from imagekit.pipeline.named import DOCKER
from imagekit.pipeline.request import Request
from imagekit.pipeline.starting.runnable import Runnable, runnable
from imagekit.pipeline.starting.wish import Wish, settled
from imagekit.pipeline.starts import keep_start
from imagekit.pipeline.workshop import Workshop
from imagekit.report.bench import bench_json, bench_lines, closing_line

if TYPE_CHECKING:
    from imagekit.daemon.engine import Engine
    from imagekit.local.bench import Contender
    from imagekit.pipeline.make import Made


class BenchRequest(Struct, frozen=True, kw_only=True):
    """What is to start, how often, and with which event."""

    artefacts: tuple[str, ...] = ()
    """None: the project's only function."""
    count: int = 20
    event: bytes = b"{}"
    packagings: tuple[Asked, ...] = ()
    """Of functions: each of them starts in each of these. None: as the project has it."""
    wish: Wish = field(default_factory=Wish)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(what=f"-n {self.count} starts nothing", hint="use 1 or more")
        twice = sorted({one for one in self.artefacts if self.artefacts.count(one) > 1})
        if twice:
            raise UsageError(
                what=f"named twice: {', '.join(twice)}", hint="a higher `-n` starts it more often"
            )


class _Entry(Struct, frozen=True, kw_only=True):
    """One line of the table."""

    label: str
    found: Runnable
    contender: Contender


def run(workshop: Workshop, asked: BenchRequest, *, json: bool) -> None:
    """Start everything again and again, and answer. Raises what building and starting raise."""
    answer(workshop, measure(workshop, asked), json=json)


def answer(workshop: Workshop, series: Sequence[StartSeries], *, json: bool) -> None:
    """The table, or the JSON; a line about it in any case."""
    console = workshop.console
    console.answer(
        bench_json(series) if json else "\n".join(bench_lines(series, console.columns()))
    )
    console.say(closing_line(series))


def measure(workshop: Workshop, asked: BenchRequest) -> tuple[StartSeries, ...]:
    """A series of each artefact, in the order in which they were named."""
    from imagekit.daemon.engine import connect
    from imagekit.local.bench import rounds

    console = workshop.console
    with connect(workshop.environ) as engine:
        entries = _entries(workshop, engine, asked)
        console.say(f"{asked.count} cold starts of each: {', '.join(e.label for e in entries)}")
        found: list[tuple[ColdStart, ...]] = []
        with console.stage("cold starts"):
            contenders = [entry.contender for entry in entries]
            for starts in rounds(engine, contenders, asked.count, asked.event):
                found.append(starts)
                console.detail("  ".join(f"{one.artefact} {one.start_ms:.0f} ms" for one in starts))
    series = tuple(
        _series(entry, tuple(starts[place] for starts in found))
        for place, entry in enumerate(entries)
    )
    for entry, one in zip(entries, series, strict=True):
        made, function = entry.found.made, entry.found.function
        if made is not None and function is not None:
            keep_start(workshop.store, function.root, made.plan, one)
    return series


def _entries(workshop: Workshop, engine: Engine, asked: BenchRequest) -> list[_Entry]:
    """Everything in the engine, by id: a name may move to what is built next."""
    texts: tuple[str | None, ...] = asked.artefacts or (None,)
    known = {
        text: list(_found(workshop, engine, text, asked))
        for text in sorted(texts, key=lambda text: not (text or "").startswith(DOCKER))
    }
    return [entry for text in texts for entry in known[text]]


def _found(
    workshop: Workshop, engine: Engine, text: str | None, asked: BenchRequest
) -> Iterator[_Entry]:
    first = runnable(workshop, engine, text, _request(asked, asked.packagings[:1]))
    yield _entry(workshop, engine, first, asked, several=len(asked.packagings) > 1)
    if first.made is None:  # as it was built: it has one packaging
        return
    for packaging in asked.packagings[1:]:
        again = runnable(workshop, engine, text, _request(asked, (packaging,)))
        yield _entry(workshop, engine, again, asked, several=True)


def _entry(
    workshop: Workshop, engine: Engine, found: Runnable, asked: BenchRequest, *, several: bool
) -> _Entry:
    from imagekit.local.bench import Contender

    label = f"{found.artefact} {found.packaging}" if several and found.made else found.artefact
    sandbox = settled(workshop, engine, found.sandbox, found.function, asked.wish)
    sandbox = replace(sandbox, image=engine.containers.image(sandbox.image).id)
    return _Entry(label=label, found=found, contender=Contender(artefact=label, sandbox=sandbox))


def _request(asked: BenchRequest, packagings: Sequence[Asked]) -> Request:
    packaging = packagings[0] if packagings else asked.wish.request.packaging
    return replace(asked.wish.request, packaging=packaging)


def _series(entry: _Entry, starts: tuple[ColdStart, ...]) -> StartSeries:
    made, sandbox = entry.found.made, entry.contender.sandbox
    return StartSeries(
        artefact=entry.label,
        function=entry.found.function.name if entry.found.function else sandbox.function,
        packaging=entry.found.packaging,
        where="here",
        memory_limit_mb=sandbox.limits.memory_mb,
        starts=starts,
        bytecode=_bytecode(made),
        size_bytes=made.outcome.size_bytes if made else None,
    )


def _bytecode(made: Made | None) -> bool | None:
    """Whether it has all, or none; None where a part was left out, or nobody knows."""
    if made is None or (made.zip and made.zip.bytecode and made.zip.bytecode.cut):
        return None
    return made.plan.bytecode is not None
