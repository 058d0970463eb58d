"""`imagekit serve`: warm functions over HTTP, which follow their source."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.here import Written, project_here
from tests.e2e.projects import Project
from tests.services.docker import connect

APP = """\
import os, time

import demo

STARTED = time.time()


def handler(event, context):
    if event.get("exit"):
        os._exit(event["exit"])
    if event.get("raise"):
        raise ValueError("as told")
    print("logged", event)
    return {"say": "one", "answer": demo.ANSWER, "started": STARTED}
"""
OTHER = """\
from parts import words


def handler(event, context):
    return {"other": words.WORD, "event": event, "kept": open("/var/task/data/kept.txt").read()}
"""
CONFIG = """
[functions.app]
handler = "app.handler"
lambda = { name = "served-app" }
[functions.other]
handler = "other.handler"
include = ["data/*.txt"]
packaging = "zip"
lambda = { name = "served-other", memory = 512 }
"""


class Serving:
    """A running `imagekit serve`, asked over HTTP; stderr is kept in a file."""

    def __init__(self, project: Project, process: subprocess.Popen[str], log: Path) -> None:
        self.project, self.process, self.log = project, process, log
        self.urls: list[str] = []

    def wait_for_urls(self, count: int) -> None:
        assert self.process.stdout is not None
        for _ in range(count):
            line = self.process.stdout.readline().strip()
            assert line, self.said()
            self.urls.append(line)

    @property
    def place(self) -> str:
        found = re.match(r"http://(127\.0\.0\.1:\d+)/", self.urls[0])
        assert found
        return found[1]

    def post(
        self, name: str, event: object = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Invoke; status, headers and body."""
        body = event if isinstance(event, bytes) else json.dumps(event or {}).encode()
        connection = http.client.HTTPConnection(self.place, timeout=60)
        try:
            named = {key.replace("_", "-"): value for key, value in headers.items()}
            path = f"/2015-03-31/functions/{name}/invocations"
            connection.request("POST", path, body, named)
            answer = connection.getresponse()
            found = {key.lower(): value for key, value in answer.getheaders()}
            return answer.status, found, answer.read()
        finally:
            connection.close()

    def ask(self, name: str, **event: object) -> Any:
        """The answer."""
        status, _, body = self.post(name, event)
        assert status == 200, body
        return json.loads(body)

    def until(self, name: str, good: Callable[[Any], bool], seconds: float = 20) -> float:
        """Ask again and again; after how long the answer was a good one."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if good(answer := self.ask(name)):
                return time.monotonic() - began
            time.sleep(0.02)
        raise AssertionError(f"{answer}\n{self.said()}")

    def said(self) -> str:
        """All of stderr by now."""
        return self.log.read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        """Change the source, as an editor does: beside, then renamed."""
        target = self.project.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.swp")
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)

    def containers(self) -> list[Any]:
        """Those of these functions."""
        client = connect(self.project.env["DOCKER_HOST"])
        try:
            label = {"label": "dev.imagekit.local"}
            found = client.api.containers(all=True, filters=label)
            names = ("served-app", "served-other")
            return [one for one in found if one["Labels"]["dev.imagekit.local"] in names]
        finally:
            client.close()


@contextlib.contextmanager
def serving(project: Project, *arguments: str, urls: int) -> Iterator[Serving]:
    import os
    import sys

    log = Path(project.env["IMAGEKIT_CACHE_DIR"]).parent / f"stderr-{'-'.join(arguments)}.txt"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "imagekit", "serve", "--port", "0", *arguments],
            cwd=project.folder,
            env={**os.environ, **project.env},
            stdout=subprocess.PIPE,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
            text=True,
        )
    found = Serving(project, process, log)
    try:
        found.wait_for_urls(urls)
        yield found
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory,
    aws_base: str,
    docker_engine: str,
    uv_cache: Path,
) -> Iterator[Project]:
    """An image and a ZIP over the package `demo`."""
    files = {
        "app.py": APP,
        "other.py": OTHER,
        "parts/__init__.py": "",
        "parts/words.py": 'WORD = "one"\n',
        "data/kept.txt": "kept",
    }
    written = Written(functions=CONFIG, files=files, names=("app", "other"))
    folder = tmp_path_factory.mktemp("served")
    with project_here(
        folder, written, base=aws_base, engine=docker_engine, uv_cache=uv_cache
    ) as found:
        yield found


@pytest.fixture(scope="module")
def served(project: Project) -> Iterator[Serving]:
    """Both functions, warm."""
    with serving(project, urls=2) as found:
        yield found


def test_two_functions_under_their_names(served: Serving) -> None:
    """A URL for each on stdout; AWS's emulator's own name is the first; ARNs and aliases, too."""
    assert [url.partition("/functions/")[2] for url in served.urls] == [
        "app/invocations",
        "other/invocations",
    ]
    assert served.ask("app")["answer"] == 42
    assert served.ask("other", n=1) == {"other": "one", "event": {"n": 1}, "kept": "kept"}
    assert served.ask("function")["say"] == "one"
    assert served.ask("app:live")["say"] == "one"
    arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A012345678912%3Afunction%3Aother"
    assert served.ask(arn)["other"] == "one"


def test_stays_warm(served: Serving) -> None:
    """One process answers event after event; only its first has an INIT."""
    assert served.ask("app")["started"] == served.ask("app")["started"]
    reports = [line for line in served.said().split("\n") if line.startswith("app: REPORT")]
    assert "Init Duration" in reports[0]
    assert "Init Duration" not in reports[-1]
    assert len(served.containers()) == 2


def test_boto3_asks_it(served: Serving) -> None:
    """The SDK's own client, with log and error as from AWS."""
    import boto3

    client = boto3.client(
        "lambda",
        endpoint_url=f"http://{served.place}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    try:
        found = client.invoke(FunctionName="app", Payload=b'{"n": 7}', LogType="Tail")
        assert json.loads(found["Payload"].read())["say"] == "one"
        assert found["ExecutedVersion"] == "$LATEST"
        assert "logged {'n': 7}" in base64.b64decode(found["LogResult"]).decode()
        failed = client.invoke(FunctionName="app", Payload=b'{"raise": 1}')
        assert failed["FunctionError"] == "Unhandled"
        assert json.loads(failed["Payload"].read())["errorMessage"] == "as told"
        event = client.invoke(FunctionName="app", InvocationType="Event", Payload=b"{}")
        assert event["StatusCode"] == 202
        dry = client.invoke(FunctionName="app", InvocationType="DryRun")
        assert dry["StatusCode"] == 204
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.invoke(FunctionName="nothing")
    finally:
        client.close()


def test_what_is_no_invocation(served: Serving) -> None:
    """As the API refuses it."""
    status, headers, body = served.post("app", b"{")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")
    assert b"Could not parse request body into json" in body
    status, headers, _ = served.post("app", b'"' + b"x" * 6_300_000 + b'"')
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")


def test_crash_is_mended(served: Serving) -> None:
    """The caller hears of it; the next event finds a warm process again."""
    before = served.ask("app")["started"]
    status, headers, body = served.post("app", {"exit": 3})
    assert (status, headers["x-amz-function-error"]) == (200, "Unhandled")
    assert json.loads(body)["errorType"] == "Runtime.ExitError"
    assert served.ask("app")["started"] > before
    assert "app: Runtime.ExitError\n" in served.said()


def test_lost_container_is_replaced(served: Serving) -> None:
    """Whoever removes it, the function comes back."""
    client = connect(served.project.env["DOCKER_HOST"])
    try:
        for one in served.containers():
            client.api.remove_container(one["Id"], force=True)
    finally:
        client.close()

    assert served.ask("app")["say"] == "one"
    assert served.ask("other")["other"] == "one"


def saying(word: str) -> Callable[[Any], bool]:
    """Whether an answer has it."""
    return lambda found: bool(found["say"] == word)


def test_change_of_source_is_there_within_a_second(served: Serving) -> None:
    """A module, a module of a package, an included file: the same container, no layer made."""
    before = {one["Id"] for one in served.containers()}
    store = sorted((Path(served.project.env["IMAGEKIT_CACHE_DIR"]) / "blobs").rglob("*"))
    seconds = []
    for turn in ("two", "three", "one"):
        served.write("app.py", APP.replace('"one"', f'"{turn}"'))
        seconds.append(served.until("app", saying(turn)))
    served.write("parts/words.py", 'WORD = "two"\n')
    seconds.append(served.until("other", lambda found: found["other"] == "two"))
    served.write("data/kept.txt", "changed")
    seconds.append(served.until("other", lambda found: found["kept"] == "changed"))

    # One of five may be slow where the machine does other things meanwhile.
    assert sorted(seconds)[-2] < 1, seconds
    assert {one["Id"] for one in served.containers()} == before
    assert sorted((Path(served.project.env["IMAGEKIT_CACHE_DIR"]) / "blobs").rglob("*")) == store


def test_new_and_removed_modules(served: Serving) -> None:
    """What needs another mount gets a fresh container; what is gone cannot be imported."""
    served.write("added.py", 'WORD = "added"\n')
    other = OTHER.replace("from parts import words", "import added as words")
    served.write("other.py", other)
    served.until("other", lambda found: found.get("other") == "added")
    (served.project.folder / "added.py").unlink()
    served.until("other", lambda found: "added" in found.get("errorMessage", ""))
    assert "other: hint: added is not in the artefact" in served.said()
    served.write("other.py", OTHER)
    served.until("other", lambda found: found.get("other") in ("one", "two"))


def test_error_in_the_source_is_the_answer_until_it_is_mended(served: Serving) -> None:
    """Half a line does not end the server."""
    served.write("app.py", "def handler(:\n")
    served.until("app", lambda found: found.get("errorType") == "Runtime.UserCodeSyntaxError")
    served.write("app.py", APP)
    served.until("app", lambda found: found.get("say") == "one")


def test_change_of_the_configuration_builds_again(served: Serving) -> None:
    """Limits, variables, packages: a fresh container; a broken configuration is said, and the
    function as it was goes on."""
    config = served.project.folder / "imagekit.toml"
    text = config.read_text(encoding="utf-8")
    served.write("imagekit.toml", text.replace("memory = 512", "memory = 5"))
    served.until(
        "app", lambda found: "imagekit.toml: functions.other.lambda.memory" in served.said()
    )
    assert served.ask("other")["event"] == {}
    served.write("imagekit.toml", text.replace("memory = 512", "memory = 640"))
    deadline = time.monotonic() + 30
    while "Memory Size: 640 MB" not in served.said() and time.monotonic() < deadline:
        served.ask("other")
        time.sleep(0.1)
    assert "Memory Size: 640 MB" in served.said()
    served.write("imagekit.toml", text)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_end(project: Project, ending: signal.Signals) -> None:
    """Ctrl-C, and a polite kill: no container, exit 0; one function alone is `function`."""
    with serving(project, "app", urls=1) as found:
        assert found.urls[0].endswith("/2015-03-31/functions/function/invocations")
        assert found.ask("function")["say"] == "one"
        found.process.send_signal(ending)
        assert found.process.wait(20) == 0
        assert found.said().endswith("stopped\n")
        names = [one["Labels"]["dev.imagekit.local"] for one in found.containers()]
    assert names.count("served-app") <= 1, "the other server's may still run"


def test_bad_input(project: Project, served: Serving) -> None:
    """A port that is taken, a function that is not there, no engine."""
    done = project.run("serve", "--port", served.place.rpartition(":")[2])
    assert done.returncode == 2, done.stderr
    assert "cannot be had" in done.stderr and "hint: another one" in done.stderr
    done = project.run("serve", "nothing")
    assert done.returncode == 2, done.stderr
    done = project.run("serve", env={"DOCKER_HOST": "unix:///nonexistent/docker.sock"})
    assert done.returncode == 3, done.stderr
