"""Scoring as a ZIP that unpacks at start, from itself and from S3: as Lambda runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from tests.e2e.projects import EXAMPLES, Project, copy_example
from tests.services.cli import succeeded
from tests.services.containers import Function, RunningFunction, lambda_container
from tests.services.index import Index
from tests.services.moto import KEYS, forget
from tests.services.needs import needs
from tests.services.runtime_api import InitFailed

EVENT = json.loads((EXAMPLES / "scoring" / "event.json").read_text(encoding="utf-8"))
NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
BUCKET = "packages"
KINDS = ("zip-nested", "zip-s3")


class Built(Struct, frozen=True, kw_only=True):
    """One of the two, built and unzipped."""

    project: Project
    made: dict[str, Any]
    task: Path
    """What Lambda would have as /var/task."""
    moto: str
    host: str
    """Of a Docker Engine."""
    image: str

    @property
    def unpacks(self) -> dict[str, Any]:
        """What is unpacked at start."""
        return dict(self.made["unpacks"])

    def function(self, **more: Any) -> Function:
        """The function in AWS's own image, its ZIP over /var/task."""
        return replace(
            Function(
                image=self.image,
                handler="scoring.app.handler",
                mounts={self.task: "/var/task"},
                environment={
                    "POWERTOOLS_SERVICE_NAME": "scoring",
                    "AWS_ENDPOINT_URL_S3": self.moto,
                    "AWS_ACCESS_KEY_ID": KEYS["AWS_ACCESS_KEY_ID"],
                    "AWS_SECRET_ACCESS_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
                },
            ),
            **more,
        )

    def answers(self, running: RunningFunction) -> None:
        """The event that every packaging answers alike."""
        answer = running.invoke(EVENT, seconds=120)
        assert isinstance(answer.body, dict), answer.error
        scores = json.loads(answer.body["body"])["scores"]
        assert [(one["id"], one["blocked"]) for one in scores] == [("a-1", False), ("a-2", True)]


@pytest.fixture(scope="module")
def scoring_project(
    tmp_path_factory: pytest.TempPathFactory, scoring_index: Index, uv_cache: Path
) -> Project:
    """examples/scoring without a base, as ZIPs are; one store for all tests here."""
    folder = copy_example("scoring", tmp_path_factory.mktemp("scoring"))
    env = {
        "UV_DEFAULT_INDEX": scoring_index.url,
        "UV_CACHE_DIR": str(uv_cache),
        "UV_PYTHON_DOWNLOADS": "never",
        "IMAGEKIT_CACHE_DIR": str(tmp_path_factory.mktemp("unpacking-store")),
    }
    project = Project(folder=folder, env=env)
    keys = f'python = "3.13"\nbucket = "{BUCKET}"'
    project.replace('base = "debian-python3.13"', keys, "pyproject.toml")
    return project


@pytest.fixture(scope="module", params=KINDS)
def built(
    request: pytest.FixtureRequest,
    scoring_project: Project,
    tmp_path_factory: pytest.TempPathFactory,
    moto: str,
    docker_engine: str,
    aws_base: str,
) -> Built:
    """Scoring in each of the two ways; what goes to S3 is there."""
    needs("unzip", "unzip")
    made = scoring_project.build("--packaging", request.param, env=NO_DOCKER)
    archive = Path(scoring_project.folder, made["path"])
    succeeded(scoring_project.run("check", archive))
    above = tmp_path_factory.mktemp(request.param)
    task = above / "task"
    subprocess.run(["unzip", "-q", str(archive), "-d", str(task)], check=True)
    for folder in (above, task):
        folder.chmod(0o755)
    found = Built(
        project=scoring_project,
        made=made,
        task=task,
        moto=moto,
        host=docker_engine,
        image=aws_base,
    )
    if request.param == "zip-s3":
        upload(found, Path(scoring_project.folder, found.unpacks["path"]).read_bytes())
    return found


def upload(built: Built, body: bytes) -> None:
    """Under the key that the ZIP names, in an account that is otherwise empty."""
    import boto3

    forget(built.moto)
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=built.moto,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    )
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=built.unpacks["key"], Body=body)


@pytest.fixture
def tmp(tmp_path: Path) -> Path:
    """A `/tmp` that outlives a container, as Lambda's does when only the runtime is restarted."""
    made = tmp_path / "tmp"
    made.mkdir()
    made.chmod(0o1777)
    for above in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        above.chmod(above.stat().st_mode | 0o055)
    return made


def test_the_outcome_says_what_is_unpacked(built: Built) -> None:
    """Sizes, and where it lies; the ZIP itself is below the limit with all its bytecode."""
    made, unpacks = built.made, built.unpacks

    assert made["unzipped_bytes"] < 262_144_000
    assert unpacks["packed_bytes"] < unpacks["unpacked_bytes"]
    assert unpacks["digest"].startswith("sha256:")
    if made["packaging"] == "zip-s3":
        assert unpacks["key"] == f"imagekit/{unpacks['digest'].removeprefix('sha256:')}.zip"
        assert made["unzipped_bytes"] < 100_000, "your code, and the loader"
        assert not (built.task / "imagekit_loader" / "packages.zip").exists()
    else:
        assert "pyarrow" not in unpacks["layers"], "as little as possible"
        assert (built.task / "imagekit_loader" / "packages.zip").exists()


def test_plan_foresees_it(built: Built) -> None:
    """To 5 % what lands in `/tmp`, and about what it takes packed; the role's need is said."""
    kind = built.made["packaging"]
    plan = succeeded(built.project.run("plan", "--packaging", kind, "--json"))
    told = json.loads(plan.stdout)["functions"][0]
    text = succeeded(built.project.run("plan", "--packaging", kind)).stdout

    assert abs(told["unpacks"]["unpacked_bytes"] / built.unpacks["unpacked_bytes"] - 1) < 0.05
    # Foreseen from whole wheels: what is left out of them shrinks by another share.
    assert -0.1 < told["unpacks"]["packed_bytes"] / built.unpacks["packed_bytes"] - 1 < 0.4
    assert built.unpacks["unpacked_bytes"] < told["unpacks"]["disk_bytes"]
    assert told["unpacks"]["layers"] == built.unpacks["layers"]
    assert "of /tmp" in text
    assert ("s3:GetObject" in text) == (kind == "zip-s3")


def test_it_answers_with_a_read_only_root(built: Built) -> None:
    """The same event as the image and the plain ZIP; twice, unpacked once."""
    with lambda_container(built.host, built.function()) as running:
        built.answers(running)
        built.answers(running)


def test_killed_while_unpacking_and_started_again(built: Built, tmp: Path) -> None:
    """What Lambda does when init takes too long: the next start finishes what was begun."""
    with lambda_container(built.host, built.function(tmp=tmp, cpus=0.3)) as running:
        until(lambda: any(one.stat().st_size for one in tmp.glob("imagekit/*.part/.imagekit*")))
        running.kill()
    assert [one.suffix for one in sorted(tmp.glob("imagekit/*"))] == [".lock", ".part"]

    with lambda_container(built.host, built.function(tmp=tmp)) as running:
        built.answers(running)
    assert sorted(one.suffix for one in tmp.glob("imagekit/*")) == ["", ".lock"]


def test_concurrent_starts_share_one_tmp(built: Built, tmp: Path) -> None:
    """Both answer; one unpacked, and the other waited for it."""
    function = built.function(tmp=tmp)
    with (
        lambda_container(built.host, function) as first,
        lambda_container(built.host, function) as second,
    ):
        built.answers(second)
        built.answers(first)
    assert sorted(one.suffix for one in tmp.glob("imagekit/*")) == ["", ".lock"]


def test_a_corrupt_archive_is_refused(built: Built, tmp_path: Path) -> None:
    """Init fails, and says in Lambda's report which part is not what was built."""
    task = tmp_path / "task"
    shutil.copytree(built.task, task, symlinks=True)
    if built.made["packaging"] == "zip-s3":
        path = Path(built.project.folder, built.unpacks["path"])
        upload(built, spoilt(path.read_bytes()))
    else:
        path = task / "imagekit_loader" / "packages.zip"
        path.write_bytes(spoilt(path.read_bytes()))
    for above in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        above.chmod(above.stat().st_mode | 0o055)
    try:
        function = built.function(mounts={task: "/var/task"})
        with lambda_container(built.host, function) as running, pytest.raises(InitFailed) as told:
            running.invoke(EVENT)
    finally:
        if built.made["packaging"] == "zip-s3":
            upload(built, path.read_bytes())

    report = json.loads(str(told.value))
    assert report["errorType"] == "BundleError"
    assert "is not what was built (its SHA-256 differs)" in report["errorMessage"]


def test_a_tmp_that_is_too_small(built: Built) -> None:
    """The function's storage was set lower elsewhere: init says how much it needs."""
    function = built.function(tmp_mb=8)
    with lambda_container(built.host, function) as running, pytest.raises(InitFailed) as told:
        running.invoke(EVENT)

    report = json.loads(str(told.value))
    assert report["errorType"] == "BundleError"
    assert "lambda.storage" in report["errorMessage"]


def spoilt(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :]


def until(reached: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.002)


def test_invoke_needs_no_bucket(zipped: Project, aws_base: str, docker_engine: str) -> None:
    """On this machine the packages are taken from the build: the sandbox has no network."""
    keys = f'packaging = "zip-s3"\nbucket = "nobodys"\nbase = "{aws_base}"'
    zipped.replace('packaging = "zip"', keys)
    project = zipped.with_env(DOCKER_HOST=docker_engine)
    done = succeeded(project.run("invoke", "app", "--event", '{"n": 1}'))

    assert json.loads(done.stdout) == {"answer": 42, "event": {"n": 1}}
