"""A container that runs the relay, and the two-way stream of frames with it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from msgspec import Struct

from imagekit.daemon.engine import Engine
from imagekit.daemon.running import FoundImage, NoSuchProgram, Running
from imagekit.local.frames import Frame, Frames
from imagekit.local.sandbox import Sandbox
from imagekit.model.errors import RemoteRefused, UsageError

_LAST_WORDS_SECONDS = 5.0
# Of Linux' ENOEXEC; whether the engine says it or the container depends on the engine's version.
_FOREIGN = "exec format error"

Log = Callable[[bytes], None]


@dataclass(eq=False, kw_only=True)
class OtherMachine(RemoteRefused):
    """The image's programs are for a processor that the engine neither has nor emulates."""

    program: str
    """Its entry point."""


class Gone:
    """The container has ended as a whole."""


class Booted(Struct, frozen=True, kw_only=True):
    """A container that waits for a program to start."""

    channel: Channel
    image: FoundImage
    emulated: bool
    """The image is for another architecture than the engine's."""


def boot(engine: Engine, sandbox: Sandbox, log: Log) -> Booted:
    """Start the relay in a fresh container. RemoteRefused where the engine cannot; OtherMachine,
    UsageError where the image says nothing to run."""
    containers = engine.containers
    image = containers.image(sandbox.image)
    if not sandbox.argv(image):
        raise UsageError(
            what=f"{sandbox.image} says nothing to run: it has no ENTRYPOINT and no CMD",
            hint="name the image of a function; `imagekit check` tells what Lambda needs",
        )
    emulated = image.architecture not in ("", engine.machine)
    platform = f"linux/{image.architecture}" if emulated else None
    processors = containers.processors
    causes: tuple[str, ...] = ()
    for python in sandbox.pythons(image):
        spec = sandbox.container(image, python, processors=processors, platform=platform)
        try:
            channel = Channel(containers.start(spec), log)
        except NoSuchProgram as error:
            causes = error.causes
        except RemoteRefused as error:
            if not any(_FOREIGN in cause for cause in error.causes):
                raise
            program = sandbox.argv(image)[0]
            raise OtherMachine(what=error.what, causes=error.causes, program=program) from error
        else:
            return Booted(channel=channel, image=image, emulated=emulated)
    raise RemoteRefused(
        what=f"no Python was found in {sandbox.image}, and the relay needs one",
        causes=causes,
        hint="use an image whose Python is on its PATH",
    )


class Channel:
    """Frames of one running container; `log` is told what the function writes, from a thread."""

    def __init__(self, running: Running, log: Log) -> None:
        self._running = running
        self._log = log
        self._frames: queue.SimpleQueue[Frame | Gone] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, data: bytes) -> None:
        """A frame for the relay. Where that has ended nothing happens: `take` tells."""
        with suppress(BrokenPipeError):
            self._running.write(data)

    def take(self, until: float) -> Frame | Gone | None:
        """The next frame; None where none came until that monotonic time."""
        try:
            return self._frames.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return None

    def close(self) -> None:
        """End the container; all of its log was told when this returns."""
        self._running.close()
        self._reader.join(_LAST_WORDS_SECONDS)
        self._running.release()

    def _read(self) -> None:
        cut = Frames()
        for stream, data in self._running.read():
            if stream == "stderr":
                self._log(data)
                continue
            for frame in cut.feed(data):
                self._frames.put(frame)
        self._frames.put(Gone())
