"""The probe in a container: the artefact's own Python measures what its imports cost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache

from msgspec.structs import replace

from imagekit.daemon.engine import Engine
from imagekit.daemon.running import FoundImage
from imagekit.local import frames
from imagekit.local.channel import Booted, Gone, boot
from imagekit.local.frames import Frame
from imagekit.local.probed import ImportFailed, Probed, parse
from imagekit.local.sandbox import Sandbox
from imagekit.model.errors import CannotBuild

ROOTS = ("/var/task/", "/opt/", "/var/runtime/", "/tmp/imagekit/")  # noqa: S108 - in the sandbox
"""Where bytecode comes with a function; Python's own is the base's business."""

_PATIENCE_SECONDS = 900
_NOT_FOUND = 127
_EXECUTE = "import sys; exec(sys.argv[1])"


def probe(engine: Engine, sandbox: Sandbox, module: str, *, runs: int) -> Probed:
    """Import a handler's module in fresh processes, `runs` times in each way.

    On whole processors: a share of one would stop the clock's subject, not the clock.
    Errors: CannotBuild where the module cannot be imported, RemoteRefused for the engine's.
    """
    words = (program(), "all", module, str(runs), ":".join(ROOTS))
    return _answer(said_by(engine, sandbox, words), sandbox, module)


def said_by(engine: Engine, sandbox: Sandbox, words: Sequence[str]) -> str:
    """All that a program wrote which the image's own Python ran: its text, then its arguments.

    Errors: RemoteRefused for the engine's.
    """
    log = _Log()
    booted = boot(engine, replace(sandbox, all_cpus=True), log.write)
    try:
        for python in _pythons(sandbox, booted.image):
            if _ended(booted, (*python, "-c", _EXECUTE, *words)):
                break
    finally:
        booted.channel.close()
    return log.text()


def _pythons(sandbox: Sandbox, image: FoundImage) -> Iterator[tuple[str, ...]]:
    """Programs to try: the image's interpreter by its place, else by its name."""
    for python in sandbox.pythons(image):
        yield (python,) if python.startswith("/") else ("/usr/bin/env", python)


def _ended(booted: Booted, argv: tuple[str, ...]) -> bool:
    """Whether there was such a program; waits until it has ended."""
    booted.channel.send(frames.start(argv))
    until = time.monotonic() + _PATIENCE_SECONDS
    while (found := booted.channel.take(until)) is not None:
        match found:
            case Frame(kind=frames.NOT_STARTED):
                return False
            case Frame(kind=frames.ENDED, values={"status": status}):
                return status != _NOT_FOUND
            case Gone():
                return True
    return True


def _answer(said: str, sandbox: Sandbox, module: str) -> Probed:
    try:
        return parse(said)
    except ImportFailed as error:
        causes = tuple(str(error).splitlines()[-12:])
    except ValueError:
        causes = tuple(said.strip().splitlines()[-12:])
    raise CannotBuild(
        what=f"{module} of {sandbox.function} could not be imported",
        causes=causes,
        hint=f"imagekit invoke {sandbox.function}",
    )


class _Log:
    """What the container writes, from another thread."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock:
            self._parts.append(data)

    def text(self) -> str:
        with self._lock:
            return b"".join(self._parts).decode("utf-8", "replace")


@cache
def program() -> str:
    """The probe itself, as an argument of `python -c`."""
    from importlib.resources import files

    return files("imagekit.local").joinpath("probe.py").read_text("utf-8")
