"""Environments in a real engine: whatever a process does, in the words of Lambda."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from imagekit.daemon.engine import Engine
from imagekit.daemon.running import LABEL, Mount
from imagekit.local.environment import Environment
from imagekit.local.sandbox import Sandbox
from imagekit.model.invocation import Limits
from tests.services.docker import connect

PYTHON = "/usr/bin/python3.13"
LABELLED = "environment-of-all"

API = "raise LookupError(os.environ['AWS_LAMBDA_RUNTIME_API'])"

CLIENT = """\
import http.client, json, os, signal, sys, threading, time

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def answer(event):
    match event.get("do"):
        case "exit":
            os._exit(event["status"])
        case "kill":
            os.kill(os.getpid(), event["signal"])
            time.sleep(60)
        case "hoard":
            kept = []
            while True:
                kept.append(bytearray(b"x" * 4_000_000))
        case "sleep":
            time.sleep(60)
        case "later":
            threading.Timer(0.05, os._exit, [3]).start()
        case "try":
            try:
                exec(event["code"])
                return "done"
            except Exception as error:
                return f"{type(error).__name__}: {error}"
        case "leave":
            if os.fork() == 0:
                time.sleep(600)
            open("/tmp/kept", "w").close()
        case "count":
            return [len([name for name in os.listdir("/proc") if name.isdigit()]),
                    os.path.exists("/tmp/kept")]
        case "status":
            return open("/proc/self/status").read()
    return event


def post(path, value):
    api.request("POST", "/2018-06-01/runtime/" + path, json.dumps(value).encode())
    api.getresponse().read()


print("starting", flush=True)
if os.environ.get("SLOW"):
    time.sleep(float(os.environ["SLOW"]))
if os.environ.get("BROKEN"):
    post("init/error", {"errorType": "Runtime.Broken", "errorMessage": "by name"})
    sys.exit(1)
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    found = api.getresponse()
    event, name = json.loads(found.read()), found.getheader("Lambda-Runtime-Aws-Request-Id")
    post(f"invocation/{name}/response", answer(event))
"""


@pytest.fixture(scope="module")
def sandbox(python_image: str, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A runtime client of a few lines, which does as it is told."""
    task = tmp_path_factory.mktemp("task")
    task.chmod(0o755)
    (task / "client.py").write_text(CLIENT, encoding="utf-8")
    return Sandbox(
        image=python_image,
        function="environment-test",
        entrypoint=(PYTHON, "/var/task/client.py"),
        handler="app.handler",
        limits=Limits(memory_mb=128, timeout_seconds=4),
        mounts=(Mount(source=str(task), target="/var/task"),),
        interpreter=PYTHON,
        all_cpus=True,  # 128 MB come with a fourteenth of one
    )


@pytest.fixture(scope="module")
def environment(engine: Engine, sandbox: Sandbox) -> Iterator[Environment]:
    """One that has started, for all tests: whatever ends in it, the next event starts anew."""
    with Environment(engine, replace(sandbox, function=LABELLED)) as found:
        assert found.start().failure is None
        yield found


def ask(environment: Environment, **event: object) -> Any:
    """The answer to an event that must be answered."""
    found = environment.invoke(json.dumps(event).encode())
    assert found.failure is None, found
    return json.loads(found.payload)


def tried(environment: Environment, code: str) -> str:
    """What becomes of `code` inside."""
    return str(ask(environment, do="try", code=code))


def test_times_and_memory_are_the_processs_own(engine: Engine, sandbox: Sandbox) -> None:
    """INIT from the start of the process to its first poll; memory of the function alone."""
    lines: list[bytes] = []
    with Environment(engine, sandbox, lines.append) as found:
        init = found.start()
        first = found.invoke(b'{"n": 1}')
        second = found.invoke(b'{"n": 2}')

    assert 5 < init.ms < 5000
    assert (first.init_ms, second.init_ms) == (init.ms, None)
    assert first.first_answer_ms == init.ms + first.duration_ms
    assert 0 < second.duration_ms < 1000
    assert first.billed_ms >= init.ms
    assert first.memory_bytes and 5 << 20 < first.memory_bytes < 64 << 20
    assert json.loads(second.payload) == {"n": 2}
    assert b"".join(lines) == b"starting\n", "all of the log, and nothing but it"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("open('/var/task/x', 'w')", "OSError: [Errno 30] Read-only file system: '/var/task/x'"),
        ("open('/home/x', 'w')", "OSError: [Errno 30] Read-only file system: '/home/x'"),
        ("open('/tmp/x', 'w')", "done"),
        ("open('/dev/shm/x', 'w')", "PermissionError: [Errno 13] Permission denied: '/dev/shm/x'"),
        ("assert (os.getuid(), os.getgid()) == (993, 990)", "done"),
        ("os.setuid(0)", "PermissionError: [Errno 1] Operation not permitted"),
        ("open('/etc/shadow')", "PermissionError: [Errno 13] Permission denied: '/etc/shadow'"),
        (
            "import socket; socket.create_connection(('192.0.2.1', 80), 2)",
            "OSError: [Errno 101] Network is unreachable",
        ),
        ("assert os.environ['AWS_LAMBDA_RUNTIME_API'] == '127.0.0.1:9001'", "done"),
        ("import resource; assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 1024", "done"),
        ("assert os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize == 512 << 20", "done"),
    ],
)
def test_sandbox(environment: Environment, code: str, answer: str) -> None:
    """What Lambda does not let a function do, with the error that it gives."""
    assert tried(environment, code) == answer


def test_limits_of_memory_and_processors(
    docker_engine: str, engine: Engine, sandbox: Sandbox
) -> None:
    """No swap beside the memory, and a share of a processor: 1,769 MB are one (128 MB: 7 %)."""
    client = connect(docker_engine)
    try:
        limited = replace(sandbox, function="limits-test", all_cpus=False)
        with Environment(engine, limited) as found:
            assert found.start().failure is None
            label = {"label": f"{LABEL}=limits-test"}
            (one,) = client.api.containers(filters=label)
            host = client.api.inspect_container(one["Id"])["HostConfig"]
    finally:
        client.close()

    assert host["Memory"] == host["MemorySwap"] == 128 << 20
    assert host["NanoCpus"] == int(128 / 1769 * 1e9)
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"]


@pytest.mark.parametrize(
    ("event", "kind", "words"),
    [
        ({"do": "exit", "status": 5}, "Runtime.ExitError", "exit status 5"),
        ({"do": "exit", "status": 0}, "Runtime.ExitError", "without providing a reason"),
        ({"do": "kill", "signal": 11}, "Runtime.ExitError", "signal: segmentation fault"),
        ({"do": "kill", "signal": 9}, "Runtime.ExitError", "signal: killed"),
        ({"do": "sleep"}, "Sandbox.Timedout", "Task timed out after 4.00 seconds"),
        ({"do": "hoard"}, "Runtime.OutOfMemory", "signal: killed"),
    ],
)
def test_ends_are_told_apart_and_mended(
    environment: Environment, event: dict[str, object], kind: str, words: str
) -> None:
    """A crash, a time-out and lack of memory are three things; the next event starts afresh."""
    found = environment.invoke(json.dumps(event).encode())

    assert found.failure is not None
    assert found.failure.type == kind
    assert words in found.failure.message
    assert found.request_id in found.failure.message
    assert json.loads(found.payload)["errorType"] == kind
    if kind == "Runtime.OutOfMemory":
        assert found.memory_bytes == 128 << 20
    again = environment.invoke(b'{"n": 1}')
    assert again.failure is None
    assert again.init_ms is not None, "it was a cold start"


def test_end_between_two_events_is_no_failure(environment: Environment) -> None:
    """A process that goes after its answer is replaced before the next event."""
    ask(environment, do="later")
    time.sleep(0.5)
    found = environment.invoke(b'{"n": 1}')

    assert found.failure is None
    assert found.init_ms is not None


def test_new_process_finds_tmp_and_no_old_processes(environment: Environment) -> None:
    """As in Lambda, whose sandbox stays: what was left running is ended, /tmp is kept."""
    before = ask(environment, do="count")
    ask(environment, do="leave")
    assert environment.invoke(b'{"do": "exit", "status": 1}').failure is not None

    assert ask(environment, do="count") == [before[0], True]


def test_with_the_hosts_network(engine: Engine, sandbox: Sandbox) -> None:
    """Two at once on one loopback: each has a Runtime API of its own, and sees what is there."""
    here = replace(sandbox, network="host")
    with (
        socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server,
        Environment(engine, here) as one,
        Environment(engine, here) as other,
    ):
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = server.server_address
        for found in (one, other):
            assert found.start().failure is None
            code = f"import socket; socket.create_connection({address!r}, 2).close()"
            assert tried(found, code) == "done"
        apis = {tried(one, API), tried(other, API)}
        server.shutdown()

    assert len(apis) == 2


def test_init_error(engine: Engine, sandbox: Sandbox) -> None:
    """What the client reports is INIT's failure, and the answer to the event; once."""
    lines: list[bytes] = []
    broken = replace(sandbox, variables={"BROKEN": "1"})
    with Environment(engine, broken, lines.append) as found:
        init = found.start()
        invocation = found.invoke(b"{}")

    assert init.failure is not None and init.failure.kind == "init"
    assert (init.failure.type, init.failure.message) == ("Runtime.Broken", "by name")
    assert json.loads(invocation.payload)["errorMessage"] == "by name"
    assert b"".join(lines) == b"starting\n"


def test_slow_init_has_the_time_of_the_invocation(engine: Engine, sandbox: Sandbox) -> None:
    """Over its limit INIT is ended and done again, as long as the function may take (rule C1)."""
    limits = Limits(timeout_seconds=20, init_seconds=1)
    slow = replace(sandbox, variables={"SLOW": "1.5"}, limits=limits)
    with Environment(engine, slow) as found:
        init = found.start()
        invocation = found.invoke(b'{"n": 1}')

    assert init.timed_out and init.ms == 1000
    assert Limits().init_seconds == 10
    assert invocation.failure is None
    assert 1500 < invocation.duration_ms < 20_000
    assert invocation.init_ms is None, "Lambda reports it apart"


def test_large_events_and_answers(engine: Engine, sandbox: Sandbox) -> None:
    """Six megabytes in and out, in many pieces."""
    event = {"text": "x" * 6_000_000}
    with Environment(engine, replace(sandbox, limits=Limits())) as found:
        assert ask(found, **event) == event


def test_entry_point_that_is_none(engine: Engine, sandbox: Sandbox) -> None:
    """As Lambda, which does not look along PATH."""
    for entrypoint, reason in (
        (("python3.13",), "fork/exec python3.13: no such file or directory"),
        (("/etc/passwd",), "fork/exec /etc/passwd: permission denied"),
    ):
        with Environment(engine, replace(sandbox, entrypoint=entrypoint)) as found:
            failure = found.start().failure
        assert failure is not None
        assert failure.type == "Runtime.InvalidEntrypoint"
        assert failure.message.endswith(reason)


def test_nothing_outlives_a_killed_imagekit(docker_engine: str, python_image: str) -> None:
    """kill -9 leaves no container: what runs in it ends with its stdin, and removes itself."""
    program = (
        "import sys, time\n"
        "from imagekit.daemon.engine import connect\n"
        "from imagekit.local.environment import Environment\n"
        "from imagekit.local.sandbox import Sandbox\n"
        f"sandbox = Sandbox(image={python_image!r}, function='orphan', interpreter={PYTHON!r},\n"
        f"    entrypoint=({PYTHON!r}, '-c', 'import time; time.sleep(600)'))\n"
        f"with connect({{'DOCKER_HOST': {docker_engine!r}}}) as engine:\n"
        "    Environment(engine, sandbox).start()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    client = connect(docker_engine)
    try:
        there = wait_for(lambda: client.api.containers(filters={"label": f"{LABEL}=orphan"}))
        assert len(there) == 1
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        label = {"label": f"{LABEL}=orphan"}
        gone = wait_for(lambda: not client.api.containers(all=True, filters=label))
        assert gone
    finally:
        process.kill()
        process.wait()
        client.close()


def wait_for(found: Any, seconds: float = 20) -> Any:
    """The first true value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come to be")


def test_leftovers_are_removed(engine: Engine, docker_engine: str, python_image: str) -> None:
    """What ended, or was never started, is removed; what runs, or belongs to others, stays."""
    client = connect(docker_engine)
    host = client.api.create_host_config(network_mode="none")
    made = {}
    commands = {"ours": "true", "others": "true", "runs": "sleep 600", "waits": "true"}
    for label, command in commands.items():
        labels = {} if label == "others" else {LABEL: label}
        made[label] = client.api.create_container(
            python_image, command, labels=labels, host_config=host
        )["Id"]
        if label != "waits":
            client.api.start(made[label])
    try:
        client.api.wait(made["ours"])
        client.api.wait(made["others"])
        engine.containers.tidy(time.time())
        known = {one["Id"] for one in client.api.containers(all=True)}
        assert made["ours"] not in known
        assert {made["others"], made["runs"], made["waits"]} <= known
        engine.containers.tidy(time.time() + 120)
        known = {one["Id"] for one in client.api.containers(all=True)}
        assert made["waits"] not in known, "nobody will start it any more"
        assert {made["others"], made["runs"]} <= known
    finally:
        for identity in (made["others"], made["runs"]):
            client.api.remove_container(identity, force=True)
        client.close()
