"""`imagekit serve`: functions that stay warm behind Invoke over HTTP, and follow their source.

source ──change──→ a mounted folder ─→ the process begins anew, in its container
configuration, lock ──change──→ built again, in a fresh container
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct, field

from imagekit import __version__
from imagekit.daemon.engine import Engine, connect
from imagekit.local.emulator import ONLY, Emulator, path_of
from imagekit.local.environment import Environment
from imagekit.local.hints import Circumstances, of_limits, reasons
from imagekit.local.log import Log
from imagekit.local.served import Served, Told
from imagekit.local.watch import Watch
from imagekit.model.errors import ImagekitError
from imagekit.model.invocation import Failure, Init, Invocation
from imagekit.pipeline.starting.served import Prepared, Source, prepare
from imagekit.pipeline.starting.wish import Wish, stage_of
from imagekit.pipeline.workshop import Workshop
from imagekit.project.config import FunctionConfig
from imagekit.project.read_config import load
from imagekit.report.errors import words
from imagekit.report.invocation import failure_lines, init_lines, report_line

_LOOK_SECONDS = 0.15
_LOOKS_OF_AN_HOUR = int(3600 / _LOOK_SECONDS)


class ServeRequest(Struct, frozen=True, kw_only=True):
    """Which functions, where, and how."""

    functions: tuple[str, ...] = ()
    port: int = 9000
    wish: Wish = field(default_factory=Wish)


def run(workshop: Workshop, asked: ServeRequest) -> None:
    """Serve until Ctrl-C; a URL for each function on stdout. What building raises."""
    project = load(workshop.folder, asked.functions, version=__version__, whole=True)
    stage_of(workshop, asked.wish.stage)
    with ExitStack() as stack:
        engine = stack.enter_context(connect(workshop.environ))
        engine.containers.tidy(workshop.now())
        emulator = Emulator(asked.port)
        stack.callback(emulator.stop)
        folder = stack.enter_context(workshop.store.folder())
        several = len(project.functions) > 1
        loops = []
        for one in project.functions:
            prefix = f"{one.name}: " if several else ""
            loop = _Loop(workshop, engine, one, asked.wish, folder, prefix)
            loops.append(stack.enter_context(loop))
        serving = {loop.function.name: loop.served for loop in loops}
        emulator.start(serving)
        for name in serving if several else (ONLY,):
            workshop.console.answer(emulator.url + path_of(name))
        workshop.console.say(f"serving {', '.join(serving)}; Ctrl-C ends it")
        _follow(workshop, loops)


def _follow(workshop: Workshop, loops: Sequence[_Loop]) -> None:
    try:
        while True:
            workshop.sleep(_LOOK_SECONDS)
            for loop in loops:
                loop.look()
    except KeyboardInterrupt:
        workshop.console.say("stopped")


class _Loop:
    """One function: what it is made of, and what happens where that changes."""

    def __init__(
        self,
        workshop: Workshop,
        engine: Engine,
        function: FunctionConfig,
        wish: Wish,
        folder: Path,
        prefix: str,
    ) -> None:
        self.function = function
        self._workshop, self._engine, self._wish = workshop, engine, wish
        self._prefix = prefix
        self._looks = 0
        self._stage = folder.resolve() / function.name
        self._stage.mkdir()
        self._prepared, self._source = self._made()
        self.served = self._serving()
        self._sources = Watch(self._prepared.watched())
        self._settings = Watch(self._prepared.settings)

    def __enter__(self) -> _Loop:
        self.served.warm()
        return self

    def __exit__(self, *_: object) -> None:
        self.served.stop()

    def look(self) -> None:
        """Do what changes ask for; an error is said, and what was there stays."""
        self._looks += 1
        if self._looks % _LOOKS_OF_AN_HOUR == 0:
            os.utime(self._stage.parent)  # the store sweeps up what is a day old
        try:
            if self._settings.changed():
                self._renew()
            elif self._sources.changed():
                self._take_source()
            else:
                self.served.warm()
        except ImagekitError as error:
            self._say(words(error))

    def _made(self) -> tuple[Prepared, Source]:
        prepared = prepare(self._workshop, self._engine, self.function, self._wish)
        return prepared, prepared.source()

    def _renew(self) -> None:
        """The configuration or the lock is another: all of it again."""
        self._prepared, self._source = self._made()
        self.function = self._prepared.function
        self._settings.look_at(self._prepared.settings)
        self._replace("built again")

    def _take_source(self) -> None:
        before, self._source = self._source, self._prepared.source()
        self._sources.look_at(self._prepared.watched())
        if self._source.digest == before.digest:
            return
        if self._prepared.points(self._source) != self._prepared.points(before):
            self._replace("reloaded in a fresh container")
            return
        self.served.reload(lambda: self._source.lay_out(self._stage))
        self._say("reloaded")

    def _replace(self, what: str) -> None:
        self.served.renew(self._environment)
        self._sources.look_at(self._prepared.watched())
        self._say(what)

    def _serving(self) -> Served:
        log = Log(self._say)
        self._log = log
        told = Told(init=self._told_init, invocation=self._told)
        return Served(name=self.function.name, environment=self._environment(), log=log, told=told)

    def _environment(self) -> Environment:
        """With the source as it is now, laid out afresh."""
        self._source.lay_out(self._stage)
        sandbox = self._prepared.mounting(self._source, self._stage)
        return Environment(self._engine, sandbox, self._log.feed, now=self._workshop.now)

    def _say(self, text: str) -> None:
        for line in text.split("\n"):
            self._workshop.console.say(f"{self._prefix}{line}")

    def _told_init(self, init: Init) -> None:
        for line in init_lines(init):
            self._say(line)
        if init.failure is not None:
            self._hint(init.failure)

    def _told(self, found: Invocation) -> None:
        for line in (*failure_lines(found), report_line(found)):
            self._say(line)
        for reason in of_limits(found, self._at()):
            self._say(f"hint: {reason}")
        if found.failure is not None:
            self._hint(found.failure)

    def _hint(self, failure: Failure) -> None:
        for reason in reasons(failure, self._log.tail(), self._at()):
            self._say(f"hint: {reason}")

    def _at(self) -> Circumstances:
        return Circumstances(
            function=self.function.name,
            architecture=self._prepared.architecture,
            machine=self._engine.machine,
            network=self._wish.network,
            handler=self.function.handler,
        )
