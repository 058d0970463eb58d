"""What a function writes: passed on line by line, its end kept."""

from __future__ import annotations

import codecs
import threading
from collections import deque
from collections.abc import Callable

_KEPT_LINES = 200
_LONGEST_LINE = 4096


class Log:
    """`feed` may be called from any thread; `say` gets whole lines."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._rest = ""
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        """More of what was written."""
        with self._lock:
            *lines, self._rest = (self._rest + self._decode(data)).split("\n")
            for line in lines:
                self._pass_on(line)

    def close(self) -> None:
        """A last line may have no end."""
        with self._lock:
            if self._rest:
                self._pass_on(self._rest)
            self._rest = ""

    def tail(self) -> str:
        """The last lines."""
        with self._lock:
            return "\n".join(self._lines)

    def _pass_on(self, line: str) -> None:
        # awslambdaric keeps a traceback together by carriage returns: bootstrap.py, log_error.
        text = line.rstrip("\r").replace("\r", "\n")
        self._lines.append(text[:_LONGEST_LINE])
        self._say(text)
