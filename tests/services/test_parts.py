"""The tests' own parts are what they say they are: judged by real clients of each."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest
from installer.sources import WheelFile
from installer.utils import parse_wheel_filename

from tests.services import index, wheels
from tests.services.containers import Function, lambda_container
from tests.services.front import Fault, Front
from tests.services.images import MadeLayer, layer_of, put_image
from tests.services.index import Index
from tests.services.runtime_api import InitFailed

HANDLER = b"def handler(event, context):\n    return {'got': event, 'id': context.aws_request_id}\n"


def demo_wheel(folder: Path) -> Path:
    return wheels.make_wheel(
        folder,
        "demo-pkg",
        "1.0",
        {"demo/__init__.py": b"X = 1\n", "demo/a b.py": b""},
        entry_points={"demo": "demo:main"},
        data={"scripts": {"run": b"#!python\n"}, "data": {"share/x": b"x"}},
    )


def test_wheel_is_valid_and_the_same_each_time(tmp_path: Path) -> None:
    """A made wheel passes `installer`'s own validation, and is the same bytes when made again."""
    made = demo_wheel(tmp_path / "one")

    with WheelFile.open(made) as wheel:
        wheel.validate_record(validate_contents=True)
    assert parse_wheel_filename(made.name).distribution == "demo_pkg"
    assert made.read_bytes() == demo_wheel(tmp_path / "two").read_bytes()


def test_broken_wheels_are_broken_as_asked(tmp_path: Path) -> None:
    """Each way to spoil a wheel shows to Python's own zip reader."""
    climbing = wheels.make_wheel(tmp_path / "a", "x", "1", {"../up.py": b""})
    assert "../up.py" in zipfile.ZipFile(climbing).namelist()
    corrupt = wheels.corrupt(demo_wheel(tmp_path / "b"), "demo/__init__.py")
    with zipfile.ZipFile(corrupt) as archive:
        assert archive.testzip() == "demo/__init__.py"
    liar = wheels.claim(demo_wheel(tmp_path / "c"), "demo/__init__.py", size_bytes=3)
    assert zipfile.ZipFile(liar).getinfo("demo/__init__.py").file_size == 3
    cut = wheels.truncate(demo_wheel(tmp_path / "d"), 100)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(cut)


@pytest.mark.parametrize("metadata", [True, False])
def test_pip_installs_from_the_index(tmp_path: Path, metadata: bool) -> None:
    """pip finds, verifies and downloads a wheel, with and without METADATA beside it."""
    demo_wheel(tmp_path / "wheels")
    with Index(tmp_path / "wheels", metadata=metadata) as served:
        pip = (sys.executable, "-m", "pip", "download", "--isolated", "--quiet", "--no-cache-dir")
        where = ("--index-url", served.url, "--dest", str(tmp_path / "got"))
        subprocess.run([*pip, *where, "demo-pkg"], check=True)

        assert served.downloads() == {"demo_pkg-1.0-py3-none-any.whl": 1}
        assert bool(served.requests["GET", f"/files/{demo_name()}.metadata"]) is metadata


def demo_name() -> str:
    return "demo_pkg-1.0-py3-none-any.whl"


def test_index_serves_ranges_asks_who_and_fails_on_demand(tmp_path: Path) -> None:
    """Ranges give those bytes; without credentials 401; a fault happens as often as asked."""
    whole = demo_wheel(tmp_path).read_bytes()
    with Index(tmp_path, auth=("ada", "secret")) as served:
        url = f"http://{served.host}/files/{demo_name()}"
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(url)
        refused.value.close()
        request = urllib.request.Request(url, headers={"Range": "bytes=-22"})
        request.add_header("Authorization", "Basic YWRhOnNlY3JldA==")
        with urllib.request.urlopen(request) as answer:
            assert (answer.status, answer.read()) == (206, whole[-22:])

        served.fault(index.Fault(path="demo", cut_bytes=5))
        with urllib.request.urlopen(request) as answer, pytest.raises(http.client.IncompleteRead):
            answer.read()
        with urllib.request.urlopen(request) as answer:
            assert answer.read() == whole[-22:]


def test_front_counts_and_misbehaves_before_a_real_registry(registry: str, tmp_path: Path) -> None:
    """The front passes requests on unchanged, counts bodies, and lies only where it is told to."""
    layer = layer_of({"a/b": b"hello", "a/link": "b"}, tmp_path)
    with Front(registry) as front:
        reference = put_image(front.host, "front:1", [layer], {})
        assert front.sent_bytes > layer.path.stat().st_size
        assert front.saw("PUT", "/manifests/1")[0].status == 201

        front.fault(Fault(method="GET", path="/manifests/", status=503))
        url = f"http://{front.host}/v2/front/manifests/1"
        with pytest.raises(urllib.error.HTTPError, match="503") as refused:
            urllib.request.urlopen(url)
        refused.value.close()
        front.fault(Fault(method="GET", path="/manifests/", hang_up="after"))
        with pytest.raises(http.client.RemoteDisconnected):
            urllib.request.urlopen(url)
        wanted = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=wanted)) as answer:
            assert reference.endswith(answer.headers["Docker-Content-Digest"])


def test_function_answers_under_the_runtime_api(
    docker_engine: str, aws_base: str, debian_layer: MadeLayer, tmp_path: Path
) -> None:
    """The real runtime client in a read-only container answers as uid 993, event after event."""
    (tmp_path / "app.py").write_bytes(HANDLER)
    tmp_path.chmod(0o755)
    function = Function(image=aws_base, handler="app.handler", mounts={tmp_path: "/var/task"})
    with lambda_container(docker_engine, function) as running:
        answers = [running.invoke({"n": n}) for n in (1, 2)]

        assert [json.dumps(answer.body) for answer in answers] == [
            json.dumps({"got": {"n": n}, "id": answer.request_id})
            for n, answer in zip((1, 2), answers, strict=True)
        ]
        assert running.api.recorded.user_agents[0].startswith("aws-lambda-python/3.13")


def test_a_function_that_cannot_load_says_why(
    docker_engine: str, aws_base: str, tmp_path: Path
) -> None:
    """What the runtime client reports at start ends the wait at once."""
    tmp_path.chmod(0o755)
    function = Function(image=aws_base, handler="absent.handler", mounts={tmp_path: "/var/task"})
    with (
        lambda_container(docker_engine, function) as running,
        pytest.raises(InitFailed, match="No module named 'absent'"),
    ):
        running.invoke({})
