"""The only writer to stdout and stderr: the answer goes to one, all talk to the other."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TextIO


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
