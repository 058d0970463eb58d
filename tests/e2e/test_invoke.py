"""`imagekit invoke`: Lambda's sandbox on this machine, and what it catches that Docker hides."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.here import Written, project_here
from tests.e2e.projects import Done, Project, copy_example
from tests.services.cli import succeeded
from tests.services.docker import connect
from tests.services.images import layer_of, put_image
from tests.services.index import Index

APP = """\
import json, os, sys, time

import demo


def handler(event, context):
    print("logged for", context.function_name)
    return {"answer": demo.ANSWER, "event": event, "memory": context.memory_limit_in_mb}


def variables(event, context):
    return dict(os.environ, left=context.get_remaining_time_in_millis(), uid=os.getuid())


def sleeps(event, context):
    time.sleep(60)


def hoards(event, context):
    kept = []
    while True:
        kept.append(b"x" * 8_000_000)


def leaves(event, context):
    sys.stdout.flush()
    os._exit(7)


def breaks(event, context):
    raise ValueError("no such order")


def writes(event, context):
    with open("/var/task/cache.json", "w") as file:
        file.write("{}")


def writes_tmp(event, context):
    with open("/tmp/cache", "wb") as file:
        for _ in range(event["bytes"] // 1_000_000):
            file.write(b"x" * 1_000_000)
    return os.path.getsize("/tmp/cache")


def calls(event, context):
    import urllib.request
    urllib.request.urlopen("http://example.com", timeout=5)


def shares(event, context):
    import multiprocessing
    multiprocessing.Queue()


def answers(event, context):
    return "x" * event["bytes"]
"""

LOST = """\
import nowhere_to_be_found


def handler(event, context):
    return 1
"""

FUNCTIONS = """
[functions.app]
handler = "app.handler"
env = { STAGE = "none", KEPT = "yes" }
[functions.variables]
handler = "app.variables"
env = { STAGE = "none", KEPT = "yes" }
lambda = { memory = 512, timeout = 7, env = { STAGE = "lambda" } }
[functions.sleeps]
handler = "app.sleeps"
lambda = { timeout = 1 }
[functions.hoards]
handler = "app.hoards"
lambda = { memory = 128 }
[functions.leaves]
handler = "app.leaves"
[functions.breaks]
handler = "app.breaks"
[functions.writes]
handler = "app.writes"
[functions.writes_tmp]
handler = "app.writes_tmp"
[functions.fills]
handler = "app.writes_tmp"
lambda = { memory = 128 }
[functions.calls]
handler = "app.calls"
[functions.shares]
handler = "app.shares"
[functions.answers]
handler = "app.answers"
[functions.lost]
handler = "lost.handler"

[stages.prod]
name = "{function}-prod"
region = "eu-west-3"
lambda = { memory = 640, env = { STAGE = "prod" } }
"""

REPORT = re.compile(
    r"^REPORT RequestId: [0-9a-f-]{36}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
    r"Memory Size: (?P<size>\d+) MB\tMax Memory Used: (?P<used>\d+) MB"
    r"(\tInit Duration: [\d.]+ ms)?(?P<status>\tStatus: .+)?$",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    aws_base: str,
    docker_engine: str,
    uv_cache: Path,
) -> Iterator[Project]:
    """One image project with a function for each way to fail."""
    files = {"app.py": APP, "lost.py": LOST, "event.json": '{"from": "file"}'}
    names = tuple(re.findall(r"\[functions\.(\w+)\]", FUNCTIONS))
    written = Written(functions=FUNCTIONS, files=files, names=names)
    folder = tmp_path_factory.mktemp("invoked")
    with project_here(
        folder, written, base=aws_base, engine=docker_engine, uv_cache=uv_cache
    ) as found:
        yield found


def invoke(project: Project, *arguments: str) -> Done:
    """Run it."""
    return project.run("invoke", *arguments)


def containers(project: Project, function: str) -> list[object]:
    """Those that the engine has for the function."""
    client = connect(project.env["DOCKER_HOST"])
    try:
        label = f"dev.imagekit.local={function}"
        return list(client.api.containers(all=True, filters={"label": label}))
    finally:
        client.close()


def failed(done: Done, kind: str, hint: str) -> dict[str, str]:
    """Exit 1, Lambda's JSON on stdout, its word for the failure, and the reason as a hint."""
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    assert answer["errorType"] == kind, done.stderr
    assert f"hint: {hint}" in done.stderr
    return dict(answer)


def test_answer_log_and_report(project: Project) -> None:
    """The answer alone on stdout; log and REPORT on stderr; the event from a file, or as JSON."""
    for given, event in (
        (("--event", "event.json"), {"from": "file"}),
        ((), {}),
    ):
        done = succeeded(invoke(project, "app", *given))

        assert json.loads(done.stdout) == {"answer": 42, "event": event, "memory": "1024"}
        assert "logged for app\n" in done.stderr
        report = REPORT.search(done.stderr)
        assert report and report["size"] == "1024" and 10 < int(report["used"]) < 200
        assert "Init Duration: " in report[0] and report["status"] is None
        assert done.stderr.endswith(report[0] + "\n")


def test_variables_are_lambdas_then_the_functions(project: Project) -> None:
    """Lambda's own; the image's; over them `lambda.env`, the stage's, and `--env`, in order."""
    done = succeeded(invoke(project, "variables"))
    found = json.loads(done.stdout)
    assert (found["STAGE"], found["KEPT"]) == ("lambda", "yes")
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "variables"
    assert found["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "us-east-1"
    assert found["LAMBDA_TASK_ROOT"] == "/var/task"
    assert found["_HANDLER"] == "app.variables"
    assert found["TZ"] == ":UTC"
    assert "/var/lang/lib" in found["LD_LIBRARY_PATH"]
    assert found["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
    assert found["uid"] == 993
    assert 5000 < found["left"] <= 7000
    assert not {"HOSTNAME", "IMAGEKIT_CACHE_DIR"} & set(found)

    given = ("--stage", "prod", "--env", "KEPT=mine", "--env", "EMPTY=")
    found = json.loads(succeeded(invoke(project, "variables", *given)).stdout)
    assert (found["STAGE"], found["KEPT"], found["EMPTY"]) == ("prod", "mine", "")
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "variables-prod"
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "640"
    assert found["AWS_REGION"] == "eu-west-3"


def test_keys_of_aws_go_in_with_the_network_alone(project: Project) -> None:
    """Yours where it can call AWS; without a network nobody's, so that clients can be made."""
    yours = project.with_env(
        AWS_ACCESS_KEY_ID="mine", AWS_SECRET_ACCESS_KEY="secret", AWS_REGION="eu-north-1"
    )
    for given, keys in (
        ((), ("local", "local", None)),
        (("--network",), ("mine", "secret", None)),
    ):
        found = json.loads(succeeded(invoke(yours, "variables", *given)).stdout)
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        assert tuple(found.get(name) for name in names) == keys
        assert found["AWS_REGION"] == "eu-north-1"


def test_time_out(project: Project) -> None:
    """A handler past `lambda.timeout` is ended, and told as Lambda tells it; nothing is left."""
    done = invoke(project, "sleeps")
    assert containers(project, "sleeps") == []
    answer = failed(done, "Sandbox.Timedout", "it was not done after 1 s: raise")
    assert answer["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert "\tStatus: timeout" in REPORT.search(done.stderr)[0]  # type: ignore[index]
    assert "`functions.sleeps.lambda.timeout`" in done.stderr


def test_memory(project: Project) -> None:
    """A handler past `lambda.memory` is killed; that is another end than a crash."""
    done = invoke(project, "hoards")
    failed(done, "Runtime.OutOfMemory", "128 MB were not enough: raise `functions.hoards.")
    report = REPORT.search(done.stderr)
    assert report and report["size"] == report["used"] == "128"
    assert report["status"] == "\tStatus: error\tError Type: Runtime.OutOfMemory"


def test_tmp_has_its_size_and_counts_as_memory_only_here(project: Project) -> None:
    """512 MB of /tmp unless said otherwise; where it makes memory run out, that is said."""
    done = invoke(project, "writes_tmp", "--event", '{"bytes": 600000000}')
    assert json.loads(done.stdout)["errorMessage"] == "[Errno 28] No space left on device"

    done = invoke(project, "fills", "--event", '{"bytes": 300000000}')
    failed(done, "Runtime.OutOfMemory", "128 MB were not enough")
    assert "MB of it lie in /tmp, which counts as memory here and does not in Lambda" in done.stderr


def test_crash(project: Project) -> None:
    """A process that ends by itself, with its status."""
    done = invoke(project, "leaves")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith("Error: Runtime exited with error: exit status 7")
    assert "\tStatus: error\tError Type: Runtime.ExitError" in done.stderr


def test_handler_error(project: Project) -> None:
    """What the handler raised: the runtime client's own JSON and log; no status, as in Lambda."""
    done = invoke(project, "breaks")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "no such order")
    assert "[ERROR] ValueError: no such order" in done.stderr
    assert "Status:" not in done.stderr


@pytest.mark.parametrize(
    ("function", "kind", "hint"),
    [
        ("writes", "OSError", "only /tmp can be written in Lambda: write /var/task/cache.json"),
        ("calls", "URLError", "there is no network here unless it is asked for: add `--network`"),
        ("shares", "PermissionError", "Lambda has no /dev/shm"),
        ("lost", "Runtime.ImportModuleError", "nowhere_to_be_found is not in the artefact"),
    ],
)
def test_reasons(project: Project, function: str, kind: str, hint: str) -> None:
    """Docker alone hides these; Lambda does not, and each has a reason to act on."""
    done = invoke(project, function)

    failed(done, kind, hint)


def test_init_error_is_told_as_such(project: Project) -> None:
    """INIT_REPORT with the error's type, before the REPORT."""
    done = invoke(project, "lost")

    assert "Phase: init\tStatus: error\tError Type: Runtime.ImportModuleError" in done.stderr


def test_answer_over_six_megabytes(project: Project) -> None:
    """Lambda refuses it after the handler has done its work."""
    done = invoke(project, "answers", "--event", '{"bytes": 6300000}')
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "Function.ResponseSizeTooLarge"


def test_zip_runs_on_the_functions_base(
    tmp_path: Path,
    hello_wheels: Path,
    runtime_client: Path,
    debian_base: str,
    docker_engine: str,
    uv_env: Callable[[Index], dict[str, str]],
) -> None:
    """The ZIP's own files over `/var/task` of the base, which gets the client that it lacks; the
    lock has no base pinned by it. A ZIP on disk runs, too, with the modes that it has."""
    with Index(hello_wheels, runtime_client) as index:
        hello = Project(folder=copy_example("hello", tmp_path), env=uv_env(index))
        hello.replace(
            "[tool.imagekit]", f'[tool.imagekit]\nbase = "{debian_base}"', "pyproject.toml"
        )
        hello = hello.with_env(DOCKER_HOST=docker_engine)
        event = ("--event", "event.json")
        done = succeeded(invoke(hello, *event))
        assert json.loads(done.stdout)["message"] == "Hello, Ada! 3.5 million"
        assert "[[base" not in (hello.folder / "imagekit.lock").read_text(encoding="utf-8")

        archive = Path(hello.folder, succeeded(hello.run("build")).stdout.strip())
        assert succeeded(invoke(hello, "dist/hello.zip", *event)).stdout == done.stdout
        _rewritten(archive, "hello.py", 0o600)
        done = invoke(hello, "dist/hello.zip", *event)
    failed(
        done,
        "PermissionError",
        "Lambda runs code as a user that owns nothing, and /var/task/hello.py may not be used by",
    )


def _rewritten(archive: Path, name: str, mode: int) -> None:
    """The same ZIP with another mode of one file, and without bytecode."""
    with zipfile.ZipFile(archive) as old:
        kept = (info for info in old.infolist() if "__pycache__" not in info.filename)
        members = [(info, old.read(info)) for info in kept]
    with zipfile.ZipFile(archive, "w") as new:
        for info, data in members:
            if info.filename == name:
                info.external_attr = (0o100000 | mode) << 16
            new.writestr(info, data)


def test_images_of_others(
    project: Project,
    registry: str,
    docker_engine: str,
    aws_layer: object,
    debian_layer: object,
    tmp_path: Path,
) -> None:
    """An image that imagekit did not make: a file that only root may read, a wrong entry point."""
    from tests.services.debian import AWS_CONFIG

    files = {"var/task/app.py": b"def handler(event, context):\n    return 1\n"}
    layers = [debian_layer, aws_layer, layer_of(files, tmp_path, {"var/task/app.py": 0o600})]
    closed = put_image(registry, "closed:1", layers, {**AWS_CONFIG, "Cmd": ["app.handler"]})  # type: ignore[arg-type]
    done = invoke(project, closed)
    failed(
        done,
        "PermissionError",
        "Lambda runs code as a user that owns nothing, and /var/task/app.py may not be used by",
    )

    relative = {**AWS_CONFIG, "Entrypoint": ["python3.13", "-m", "awslambdaric"], "Cmd": ["x.y"]}
    named = put_image(registry, "relative:1", layers, relative)  # type: ignore[arg-type]
    done = invoke(project, named)
    answer = failed(done, "Runtime.InvalidEntrypoint", "ENTRYPOINT must be an absolute path")
    assert answer["errorMessage"].endswith("fork/exec python3.13: no such file or directory")

    silent = {**AWS_CONFIG, "Entrypoint": None}
    done = invoke(project, put_image(registry, "silent:1", layers, silent))  # type: ignore[arg-type]
    assert done.returncode == 2, done.stderr
    assert "it has no ENTRYPOINT and no CMD" in done.stderr


def test_wrong_architecture(project: Project, registry: str, debian_both: str) -> None:
    """An image for another processor than Docker's, without emulation: what Lambda would say."""
    arm64 = put_arm64(registry, debian_both)
    done = invoke(project, arm64)
    if done.returncode == 0:
        pytest.skip("this engine emulates arm64: nothing is wrong with the image there")
    failed(done, "Runtime.InvalidEntrypoint", "the image is for arm64, and this Docker runs amd64")
    assert "exec format error" in json.loads(done.stdout)["errorMessage"]


def put_arm64(registry: str, both: str) -> str:
    """The arm64 image behind the list."""
    return f"{both.rpartition(':')[0]}:arm64"


@pytest.mark.parametrize(
    ("arguments", "says", "hint"),
    [
        (("app", "--event", "{"), "--event is no JSON", "write JSON"),
        (("app", "--event", "no-such.json"), "no-such.json: there is no such file", "name a file"),
        (("app", "--event", "app.py"), "--event app.py is no JSON", "name a file"),
        (("app", "--env", "X"), "'X' is not NAME=VALUE", "--env NAME=VALUE"),
        (("app", "--env", "AWS_REGION=x"), "Lambda sets AWS_REGION itself", "your environment"),
        (("app", "--stage", "x"), "there is no stage 'x'; known: prod", "`stages.NAME`"),
        ((), "this project has several functions: app, variables", "name one: app"),
        (("nothing",), "nothing is no function here", "docker:NAME"),
        (("app", "--remote", "--network"), "--env and --network are for", "leave"),
    ],
)
def test_what_cannot_be_used(
    project: Project, arguments: tuple[str, ...], says: str, hint: str
) -> None:
    """Bad input: exit 2, what, and something to type; nothing is built for it."""
    done = project.run("invoke", *arguments)

    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert says in done.stderr
    assert hint in done.stderr.partition("hint: ")[2]


def test_no_docker(project: Project) -> None:
    """No engine: exit 3, before anything is built."""
    done = project.run("invoke", "app", env={"DOCKER_HOST": "unix:///nonexistent/docker.sock"})

    assert done.returncode == 3, done.stderr
    assert "hint: start Docker" in done.stderr
    assert done.stdout == ""
