"""Runs inside the container, by the image's own Python, as its first process: never imported here.

It listens on loopback where Lambda's Runtime API is, hands the bytes of every connection to
imagekit over its own stdin and stdout, and starts the image's entry point as its child. So the
container needs no network and no socket of this machine: whatever engine can run a container can
run this one. When imagekit goes, stdin ends, and everything in the container with it.

Of the child it tells when it began, how it ended, and how much memory it had. Frames are
`kind:1 connection:4 length:4` inwards, `kind:1 connection:4 monotonic ns:8 length:4` outwards.
Only the standard library, and nothing that an older Python lacks.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

IN, OUT = struct.Struct(">cII"), struct.Struct(">cIQI")
PLACE = ("127.0.0.1", 9001)
# Of cgroup v2 and v1: docs.kernel.org/admin-guide/cgroup-v2.html, "memory.events".
EVENTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def tell(kind: bytes, connection: int = 0, payload: bytes = b"", at: int | None = None) -> None:
    """Send one frame to imagekit."""
    stamp = time.monotonic_ns() if at is None else at
    data = memoryview(OUT.pack(kind, connection, stamp, len(payload)) + payload)
    while data:
        data = data[os.write(1, data) :]


def tell_all(kind: bytes, at: int | None = None, **values: object) -> None:
    """Send one frame that holds JSON."""
    tell(kind, 0, json.dumps(values).encode(), at)


def listen() -> socket.socket:
    """Where Lambda listens; on the network of the host somebody else may be there."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(PLACE)
    except OSError:
        listening.bind((PLACE[0], 0))
    listening.listen(64)
    return listening


def number_after(word: str, path: str) -> int:
    """The number in the line that begins with `word`; 0 without such a line."""
    with suppress(OSError):
        for line in Path(path).read_text().splitlines():
            if line.startswith(word):
                return int(line[len(word) :].split()[0])
    return 0


def killed_for_memory() -> int:
    """How many processes of this container the kernel has killed for their memory."""
    return max(number_after("oom_kill ", path) for path in EVENTS)


def resident() -> int:
    """Bytes that the processes besides this one had in memory at most."""
    names = (path.name for path in Path("/proc").iterdir())
    others = (name for name in names if name.isdigit() and int(name) != os.getpid())
    return 1024 * sum(number_after("VmHWM:", f"/proc/{name}/status") for name in others)


def in_tmp() -> int:
    """Bytes that lie in /tmp: memory here, and not in Lambda."""
    with suppress(OSError):
        found = os.statvfs("/tmp")  # noqa: S108 - the sandbox's own
        return (found.f_blocks - found.f_bfree) * found.f_frsize
    return 0


def extensions() -> list[str]:
    """Names of programs that Lambda would start beside the function."""
    with suppress(OSError):
        return sorted(path.name for path in Path("/opt/extensions").iterdir())
    return []


def variables() -> dict[bytes, bytes]:
    """Those of the container: Python adds its own to `os.environ`, and Docker a host's name."""
    pairs = Path("/proc/self/environ").read_bytes().rstrip(b"\0").split(b"\0")
    found = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
    found.pop(b"HOSTNAME", None)
    return found


def become(argv: list[str], environment: dict[bytes, bytes]) -> None:
    """Be the image's entry point from now on; OSError where that cannot be."""
    os.setsid()
    # The function is to end where memory does, not this relay.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # stdout is the relay's, and Lambda has one log for both
    for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.execve(argv[0], argv, environment)  # noqa: S606 - an image's entry point


class Relay:
    """One child and its connections."""

    def __init__(self) -> None:
        self.listening = listen()
        self.selector = selectors.DefaultSelector()
        self.connections: dict[int, socket.socket] = {}
        self.count = 0
        self.child: int | None = None
        self.killed = 0
        self.rest = bytearray()
        self.woken, self.wakes = socket.socketpair()
        for end in (self.woken, self.wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(self.wakes.fileno())
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def loop(self) -> None:
        """Until imagekit is gone."""
        self.watch(0, self.told)
        self.watch(self.listening.fileno(), self.accept)
        self.watch(self.woken.fileno(), self.reap)
        tell_all(b"R", extensions=extensions())
        while True:
            for key, _ in self.selector.select():
                if key.fd in self.selector.get_map():
                    key.data()

    def watch(self, fd: int, act: Callable[[], None]) -> None:
        """Have `act` called where there is something to read."""
        self.selector.register(fd, selectors.EVENT_READ, act)

    def accept(self) -> None:
        """A client of the Runtime API."""
        connection, _ = self.listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.count += 1
        number = self.count
        self.connections[number] = connection
        self.watch(connection.fileno(), lambda: self.heard(number))

    def heard(self, number: int) -> None:
        """Bytes of the function's, or their end."""
        at = time.monotonic_ns()
        data = b""
        with suppress(ConnectionError):
            data = self.connections[number].recv(1 << 20)
        if data:
            tell(b"D", number, data, at)
        else:
            self.close(number)
            tell(b"C", number)

    def close(self, number: int) -> None:
        """Forget a connection."""
        connection = self.connections.pop(number, None)
        if connection is not None:
            self.selector.unregister(connection.fileno())
            connection.close()

    def told(self) -> None:
        """Frames of imagekit's."""
        data = os.read(0, 1 << 20)
        if not data:
            os._exit(0)
        self.rest += data
        while len(self.rest) >= IN.size:
            kind, number, length = IN.unpack_from(self.rest)
            end = IN.size + length
            if len(self.rest) < end:
                return
            payload = bytes(memoryview(self.rest)[IN.size : end])
            del self.rest[:end]
            self.do(kind, number, payload)

    def do(self, kind: bytes, number: int, payload: bytes) -> None:
        """What one frame asks for."""
        if kind == b"D":
            with suppress(OSError, KeyError):
                self.connections[number].sendall(payload)
            tell(b"A", number)
        elif kind == b"C":
            self.close(number)
        elif kind == b"S":
            self.start(**json.loads(payload.decode()))
        elif kind == b"K":
            self.child = None
            self.clear()
            tell(b"K")
        elif kind == b"M":
            tell_all(b"M", resident=resident(), tmp=in_tmp())

    def start(self, argv: list[str]) -> None:
        """Start the entry point; a frame says when, or why it cannot be."""
        place = "{}:{}".format(*self.listening.getsockname())
        environment = {**variables(), b"AWS_LAMBDA_RUNTIME_API": place.encode()}
        self.killed = killed_for_memory()
        read, write = os.pipe()
        began = time.monotonic_ns()
        child = os.fork()
        if child == 0:
            try:
                become(argv, environment)
            except OSError as error:
                os.write(write, str(error.errno).encode())
            finally:
                os._exit(127)
        os.close(write)
        problem = os.read(read, 16)  # ends once the child has become another program
        os.close(read)
        if problem:
            os.waitpid(child, 0)
            tell_all(b"F", program=argv[0], reason=os.strerror(int(problem)))
        else:
            self.child = child
            tell_all(b"B", began)

    def reap(self) -> None:
        """Whoever has ended; the child's end is told."""
        with suppress(OSError):
            self.woken.recv(1 << 10)
        with suppress(ChildProcessError):
            while True:
                process, status, usage = os.wait4(-1, os.WNOHANG)
                if process == 0:
                    return
                if process == self.child:
                    self.ended(status, usage.ru_maxrss * 1024)

    def ended(self, status: int, most: int) -> None:
        """The function is over: so is everything that it left behind."""
        self.child = None
        for number in list(self.connections):
            self.drain(number)
        died = os.WIFSIGNALED(status)
        tell_all(
            b"X",
            status=None if died else os.WEXITSTATUS(status),
            signal=os.WTERMSIG(status) if died else None,
            memory=killed_for_memory() > self.killed,
            resident=most,
            tmp=in_tmp(),
        )
        self.clear()

    def drain(self, number: int) -> None:
        """What the function said before it ended comes before its end."""
        with suppress(OSError):
            while data := self.connections[number].recv(1 << 20, socket.MSG_DONTWAIT):
                tell(b"D", number, data)

    def clear(self) -> None:
        """No process but this one, no connection; `/tmp` stays, as it does in Lambda."""
        if os.getpid() == 1:  # anywhere else, everything is more than the container
            with suppress(OSError):
                os.kill(-1, signal.SIGKILL)
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        for number in list(self.connections):
            self.close(number)


if __name__ == "__main__":
    Relay().loop()
