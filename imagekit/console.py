"""The only writer to stdout and stderr: the answer goes to one, all talk to the other."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_SECONDS = 0.4
"""What is over sooner needs no bar, and does not pay for importing one."""

Groups = Literal["", "github", "gitlab"]
"""Whose log the lines of a stage are folded for."""


def groups_of(environ: Mapping[str, str]) -> Groups:
    """The CI that reads this log, as it tells by itself; empty where there is none."""
    if environ.get("GITHUB_ACTIONS", "").lower() == "true":
        return "github"
    return "gitlab" if environ.get("GITLAB_CI", "").lower() == "true" else ""


def never_fail_to_write(*streams: TextIO) -> None:
    """Have a character that the stream's encoding lacks written as `?`, not raised.

    A pipe on Windows is cp1252, which has no arrow and not every name of a file.
    """
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def open_streams() -> None:
    """Have stdin, stdout and stderr there, and writing to a pipe that nobody reads no error.

    What was closed before we began (`>&-`) is opened on nothing: else the next file that is opened
    would be what the programs that we start write to. Call it before a Console is made.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free, and so the stream's own.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    never_fail_to_write(sys.stdout, sys.stderr)
    sys.stdout = cast("TextIO", _Unbroken(sys.stdout, needed=True))
    sys.stderr = cast("TextIO", _Unbroken(sys.stderr, needed=False))


class _Unbroken:
    """A stream that goes nowhere once its reader is gone, as `| head` is, or its disk full.

    Whoever is `needed` says so where the disk refuses, once.
    """

    def __init__(self, stream: TextIO, *, needed: bool) -> None:
        self._stream, self._needed = stream, needed

    def write(self, text: str) -> int:
        """Characters written; CannotBuild where the disk refuses what is needed."""
        try:
            # Typer tries streams out with nothing, and would swallow what the disk says to it.
            return 0 if text == "" else self._stream.write(text)
        except OSError as error:
            self._lost(error)
            return len(text)

    def flush(self) -> None:
        """CannotBuild where the disk refuses what is needed."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lost(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lost(self, error: OSError) -> None:
        self._stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        # Windows has EINVAL for a pipe that nobody reads.
        if self._needed and error.errno not in (errno.EPIPE, errno.EINVAL):
            from imagekit.model.errors import CannotBuild

            raise CannotBuild(
                what="the answer cannot be written to stdout",
                causes=(error.strerror or str(error),),
                hint="free some disk, or send it elsewhere",
            ) from error


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


class Console:
    """stdout is the answer, stderr is the talk."""

    def __init__(
        self,
        *,
        out: TextIO | None = None,
        err: TextIO | None = None,
        verbose: bool = False,
        groups: Groups = "",
    ) -> None:
        self.out, self.err = out or sys.stdout, err or sys.stderr
        self.verbose, self.groups = verbose, groups
        self._open: list[str] = []
        self._sections = 0
        self._bar = threading.Lock()

    def columns(self) -> int | None:
        """How wide the terminal is that shows the answer; None where a program reads it."""
        if not self.out.isatty():
            return None
        import shutil

        return shutil.get_terminal_size().columns

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
    def stage(self, name: str) -> Iterator[None]:
        """One stage of a command: `--verbose` says how long it took, in CI with its lines folded.

        A stage within another is a line of that one. Enter them from one thread only.
        """
        if not self.verbose:
            yield
            return
        began, outcome = time.monotonic(), "failed after "
        section = "" if self._open else self._begin_group(name)
        self._open.append(name)
        try:
            yield
            outcome = ""
        finally:
            self._open.pop()
            indent = "  " * len(self._open)
            self.say(f"{indent}{name}: {outcome}{time.monotonic() - began:.2f} s")
            self._end_group(section)

    def _begin_group(self, name: str) -> str:
        """Fold the lines that follow; the group's name, empty where nothing folds them."""
        if self.groups == "github":
            # docs.github.com, "Workflow commands for GitHub Actions": groups do not nest.
            self.say(f"::group::{name}")
            return name
        if self.groups == "gitlab":
            # docs.gitlab.com, "Custom collapsible sections": each name stands once in a log.
            self._sections += 1
            section = f"imagekit_{self._sections}_{re.sub('[^A-Za-z0-9]+', '_', name)}"
            self.say(f"\033[0Ksection_start:{int(time.time())}:{section}\r\033[0K{name}")
            return section
        return ""

    def _end_group(self, section: str) -> None:
        if section and self.groups == "github":
            self.say("::endgroup::")
        elif section:
            self.say(f"\033[0Ksection_end:{int(time.time())}:{section}\r\033[0K")

    @contextmanager
    def meter(self, label: str, total_bytes: int) -> Iterator[Meter]:
        """A bar for one stage, on a terminal only; `--verbose` says how long the stage took.

        Several at once, from threads: the first has the bar.
        """
        first = self._bar.acquire(blocking=False)
        meter = Meter(label, total_bytes, self.err if first and self.err.isatty() else None)
        try:
            yield meter
        finally:
            meter.close()
            if first:
                self._bar.release()
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
