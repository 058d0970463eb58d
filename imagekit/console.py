"""The only writer to stdout and stderr: the answer goes to one, all talk to the other."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_SECONDS = 0.4
"""What is over sooner needs no bar, and does not pay for importing one."""


class Meter:
    """Counts bytes of one stage from any thread; draws a bar once the stage takes a while."""

    def __init__(self, label: str, total_bytes: int, stream: TextIO | None) -> None:
        self._label, self._total, self._stream = label, total_bytes, stream
        self._done, self._began = 0, time.monotonic()
        self._lock = threading.Lock()
        self._bar: tuple[Progress, TaskID] | None = None

    def __call__(self, count: int) -> None:
        """`count` more bytes are done."""
        with self._lock:
            self._done += count
            if self._bar is None and self._stream and self.seconds > PATIENCE_SECONDS:
                self._bar = _start_bar(self._stream, self._label, self._total)
            if self._bar is not None:
                self._bar[0].update(self._bar[1], completed=self._done)

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """Take the bar away."""
        with self._lock:
            if self._bar is not None:
                self._bar[0].stop()


@dataclass(slots=True)
class Console:
    """stdout is the answer, stderr is the talk."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    verbose: bool = False

    def answer(self, text: str) -> None:
        """One line (or one JSON document) that a script may read."""
        self.out.write(f"{text}\n")
        self.out.flush()

    def say(self, text: str) -> None:
        """A line for the person at the terminal."""
        self.err.write(f"{text}\n")
        self.err.flush()

    def detail(self, text: str) -> None:
        """A line that only `--verbose` shows."""
        if self.verbose:
            self.say(text)

    @contextmanager
    def meter(self, label: str, total_bytes: int) -> Iterator[Meter]:
        """A bar for one stage, on a terminal only; `--verbose` says how long the stage took."""
        meter = Meter(label, total_bytes, self.err if self.err.isatty() else None)
        try:
            yield meter
        finally:
            meter.close()
        self.detail(f"{label}: {meter.seconds:.2f} s")


def _start_bar(stream: TextIO, label: str, total_bytes: int) -> tuple[Progress, TaskID]:
    from rich import console, progress

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        console=console.Console(file=stream),
        transient=True,
    )
    bar.start()
    return bar, bar.add_task(label, total=total_bytes or None)
