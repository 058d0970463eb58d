"""AWS's own runtime client, three versions of it, against our Runtime API."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from imagekit.daemon.engine import Engine
from imagekit.daemon.running import Mount
from imagekit.local.environment import Environment
from imagekit.local.sandbox import Sandbox
from imagekit.model.invocation import Init, Limits
from tests.services import needs, scoring

VERSIONS = ("3.0.0", "4.0.4", "4.2.2")
PYTHON = "/usr/bin/python3.13"
HANDLERS = """\
import sys


def echo(event, context):
    print("to the log")
    return {"event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(), "name": context.function_name}


def breaks(event, context):
    raise KeyError("order")


def unserialisable(event, context):
    return object()


def ends(event, context):
    sys.exit(4)
"""


@pytest.fixture(scope="module", params=VERSIONS)
def client(request: pytest.FixtureRequest, test_cache: Path, tmp_path_factory: Any) -> Path:
    """An unpacked client and what it needs."""
    version = request.param
    try:
        wheels = scoring.fetch_runtime_client(
            test_cache / f"runtime-client-{version}",
            "x86_64",
            needs.USER_ENVIRON,
            f"awslambdaric=={version}",
        )
    except (scoring.CannotFetch, subprocess.TimeoutExpired) as error:
        needs.leave_out("runtime clients", str(error))
    needs.have("runtime clients", ", ".join(VERSIONS))
    return scoring.unpack_runtime_client(wheels, tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def sandbox(python_image: str, client: Path, tmp_path_factory: Any) -> Sandbox:
    """Handlers of every kind, started as an image of imagekit's starts them (rule M23)."""
    task = tmp_path_factory.mktemp("task")
    (task / "app.py").write_text(HANDLERS, encoding="utf-8")
    (task / "lost.py").write_text("import nowhere\n", encoding="utf-8")
    (task / "odd.py").write_text("def handler(:\n", encoding="utf-8")
    (task / "loud.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    for path in (task, client):
        path.chmod(0o755)
    return Sandbox(
        image=python_image,
        function="orders",
        limits=Limits(timeout_seconds=5),
        entrypoint=("/usr/bin/env", "-C", "/var/task", PYTHON, "-m", "awslambdaric"),
        variables={"PYTHONPATH": "/opt/imagekit"},
        mounts=(
            Mount(source=str(task), target="/var/task"),
            Mount(source=str(client), target="/opt/imagekit"),
        ),
        interpreter=PYTHON,
    )


@contextmanager
def started(
    engine: Engine, sandbox: Sandbox, handler: str
) -> Iterator[tuple[Environment, Init, list[bytes]]]:
    from msgspec.structs import replace

    log: list[bytes] = []
    with Environment(engine, replace(sandbox, handler=handler), log.append) as environment:
        yield environment, environment.start(), log


def test_events_one_after_the_other(engine: Engine, sandbox: Sandbox) -> None:
    """Answers, and all that `context` says: request id, ARN, time left."""
    with started(engine, sandbox, "app.echo") as (environment, init, log):
        assert init.failure is None
        for number in range(3):
            found = environment.invoke(json.dumps({"n": number, "text": "ü"}).encode())
            assert found.failure is None, found
            answer = json.loads(found.payload)
            assert answer["event"] == {"n": number, "text": "ü"}
            assert answer["id"] == found.request_id
            assert answer["arn"] == "arn:aws:lambda:us-east-1:012345678912:function:orders"
            assert answer["name"] == "orders"
            assert 3000 < answer["left"] <= 5000
    assert b"".join(log).count(b"to the log") == 3


@pytest.mark.parametrize(
    ("handler", "kind", "words"),
    [
        ("app.breaks", "KeyError", "'order'"),
        ("app.unserialisable", "Runtime.MarshalError", "Unable to marshal response"),
    ],
)
def test_errors_of_handlers(
    engine: Engine, sandbox: Sandbox, handler: str, kind: str, words: str
) -> None:
    """The client's own report is the answer, and the process goes on."""
    with started(engine, sandbox, handler) as (environment, init, _):
        assert init.failure is None
        for _ in range(2):
            found = environment.invoke(b"{}")
            assert found.failure is not None and found.failure.kind == "handler"
            assert found.failure.type == kind
            assert words in json.loads(found.payload)["errorMessage"]
        assert found.init_ms is None, "the same process"


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("lost.handler", "Runtime.ImportModuleError"),
        ("odd.handler", "Runtime.UserCodeSyntaxError"),
        ("app.nobody", "Runtime.HandlerNotFound"),
        ("handler", "Runtime.MalformedHandlerName"),
    ],
)
def test_errors_of_init(engine: Engine, sandbox: Sandbox, handler: str, kind: str) -> None:
    """Lambda's words for code that cannot be loaded (rule M22), once, with nothing started anew.

    Some versions report some of them when the first event comes; the answer is the same.
    """
    with started(engine, sandbox, handler) as (environment, init, log):
        found = environment.invoke(b"{}")

    assert found.failure is not None
    assert found.failure.type == kind
    if init.failure is not None:
        assert init.failure == found.failure
        assert b"".join(log).count(kind.encode()) <= 1
    assert json.loads(found.payload)["errorType"] == kind


def test_process_that_ends(engine: Engine, sandbox: Sandbox) -> None:
    """While it is loaded, or by the handler: never mistaken for an answer."""
    with started(engine, sandbox, "loud.handler") as (environment, _, _):
        loaded = environment.invoke(b"{}")
    with started(engine, sandbox, "app.ends") as (environment, init, _):
        assert init.failure is None
        handled = environment.invoke(b"{}")

    assert loaded.failure is not None and handled.failure is not None
