"""Trouble at one request of many, counted over several servers as they come in.

    trouble = Trouble(at=7, kinds=("after",))
    aws.trouble = registry.trouble = functions.trouble = trouble

The eighth request that any of them gets is answered so; `trouble.seen` has all of them.
"""

from __future__ import annotations

import re
import threading
from typing import Literal

from msgspec import Struct, field

Kind = Literal["none", "before", "after", "429", "500", "503", "digest"]
"""Cut before the server saw the request, or after it did what was asked; a status in its place;
an answer that names, or is, something else."""

WRONG = "sha256:" + "0" * 64


class Trouble(Struct, kw_only=True):
    """What goes wrong, and at which request. Safe to use from threads."""

    kinds: tuple[Kind, ...] = ()
    """What that request gets, the next one, and so on."""
    at: int = 0
    """Counted from 0."""
    changing: bool = False
    """Whether only requests that change something are counted until then: a runner that is killed
    after another one leaves what it left before."""
    then: Kind = "none"
    """What every later request gets: `before` is a runner that was killed."""
    seen: list[str] = field(default_factory=list)
    began: int | None = None
    """As the how-manieth of `seen` it came."""
    _counted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: str) -> Kind:
        """One more request came in; what happens to it."""
        with self._lock:
            self.seen.append(request)
            if self.began is None:
                if self.changing and not changes(request):
                    return "none"
                self._counted += 1
                if self._counted <= self.at:
                    return "none"
                self.began = len(self.seen) - 1
            after = len(self.seen) - 1 - self.began
        return self.kinds[after] if after < len(self.kinds) else self.then

    @property
    def met(self) -> bool:
        """Whether there were so many requests at all."""
        return self.began is not None

    @property
    def told(self) -> tuple[int, str]:
        """The request that it was about, for a failure."""
        return self.at, "no such request" if self.began is None else self.seen[self.began]


_CHANGE = re.compile(r"(POST|PUT|PATCH|DELETE) |\w+ (Create|Put|Set|Update|Publish)")


def changes(request: str) -> bool:
    """Whether it may change something."""
    return _CHANGE.match(request) is not None


def calm(request: str) -> Kind:
    """No trouble."""
    return "none"
