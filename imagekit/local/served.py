"""One function that stays warm: an environment that is there before anybody asks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from msgspec import Struct, field

from imagekit.local.environment import Environment
from imagekit.local.log import Log
from imagekit.model.invocation import Init, Invocation


class Told(Struct, frozen=True, kw_only=True):
    """Who hears what happens: of INIT, and of invocations with the end of the log."""

    init: Callable[[Init], None]
    invocation: Callable[[Invocation], None]


class Served(Struct, kw_only=True):
    """An environment for one event at a time, as Lambda's are; safe to use from threads."""

    name: str
    environment: Environment
    log: Log
    told: Told
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def warm(self) -> None:
        """Start it unless it runs, or somebody waits for its answer."""
        if not self._busy.acquire(blocking=False):
            return
        try:
            if not self.environment.ready:
                self.told.init(self.environment.start())
        finally:
            self._busy.release()

    def invoke(self, event: bytes) -> Invocation:
        """The next event, once those before it are done."""
        with self._busy:
            found = self.environment.invoke(event)
            self.told.invocation(found)
            return found

    def reload(self, change: Callable[[], None]) -> None:
        """End the process, once it has answered, change its files, and start it anew."""
        with self._busy:
            self.environment.end_process()
            change()
            self.told.init(self.environment.start())

    def renew(self, other: Callable[[], Environment]) -> None:
        """Another environment in place of this one, once it has answered, and warm."""
        with self._busy:
            self.environment.stop()
            self.environment = other()
            self.told.init(self.environment.start())

    def stop(self) -> None:
        """End it now, whatever it does."""
        self.environment.stop()
        self.log.close()
