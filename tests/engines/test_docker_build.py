"""Builders that fail: each in its own way, told in one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from imagekit.daemon.engine import connect
from imagekit.engines.docker.build import Built, Job, build
from imagekit.engines.docker.clients import Builder
from imagekit.model.errors import CannotBuild, RemoteRefused
from tests.daemon.fake_engine import FakeEngine, Said

CLASSIC = Builder(kind="classic")
STEP = {"stream": "Step 1/2 : RUN make all"}
USAGE = Said(
    {
        "LayersSize": 12_000_000_000,
        "Containers": [{"SizeRw": 5}, {}],
        "Volumes": [{"UsageData": {"Size": -1}}, {"UsageData": None}],
        "BuildCache": [{"Size": 30_000_000_000}],
    }
)


def job(tmp_path: Path) -> Job:
    context, scratch = tmp_path / "context", tmp_path / "scratch"
    for folder in (context, scratch):
        folder.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\n")
    return Job(context=context, scratch=scratch, platform="linux/amd64", network="none")


def classic(tmp_path: Path, *answers: object, **more: Said) -> Built:
    said = {"/build": Said(list(answers), chunked=True), **more}
    with FakeEngine(said) as engine, connect({"DOCKER_HOST": engine.host}) as found:
        return build(CLASSIC, found, job(tmp_path), {}, lambda words: None)


def test_the_classic_builder_names_its_image(tmp_path: Path) -> None:
    """The id of the image, and which steps ran."""
    done = classic(tmp_path, STEP, {"stream": " ---> Running in 1\n"}, {"aux": {"ID": "sha256:aa"}})

    assert done == Built(image_id="sha256:aa", ran=("RUN make all",), cached=())


def test_a_step_that_fails(tmp_path: Path) -> None:
    """Which one, its last lines, and why: exit 1."""
    error = "The command '/bin/sh -c make all' returned a non-zero code: 2"
    with pytest.raises(CannotBuild) as raised:
        classic(tmp_path, STEP, {"stream": "no rule to make all\n"}, {"error": error})

    assert raised.value.what == "docker could not build [1/2] RUN make all"
    assert raised.value.causes == ("no rule to make all", error)
    assert "imagekit dockerfile" in (raised.value.hint or "")


def test_the_engines_disk_is_full(tmp_path: Path) -> None:
    """What takes it, and what to type: exit 3."""
    error = "failed to register layer: write /x: no space left on device"
    with pytest.raises(RemoteRefused) as raised:
        classic(tmp_path, STEP, {"error": error}, **{"/system/df": USAGE})

    assert "disk is full" in raised.value.what
    assert error in raised.value.causes
    assert "images: 12 GB" in raised.value.causes
    assert "build cache: 30 GB" in raised.value.causes
    assert not any(cause.startswith("volumes") for cause in raised.value.causes)
    assert "docker builder prune" in (raised.value.hint or "")


def test_a_builder_that_names_no_image(tmp_path: Path) -> None:
    """Nothing is taken for what it is not."""
    with pytest.raises(CannotBuild) as raised:
        classic(tmp_path, STEP)

    assert raised.value.causes == ("the classic builder named no image",)


def test_secrets_in_what_a_step_says(tmp_path: Path) -> None:
    """URLs lose their passwords before they are shown."""
    with pytest.raises(CannotBuild) as raised:
        classic(
            tmp_path,
            STEP,
            {"stream": "GET https://me:hunter2@mirror.example/x\n"},
            {"error": "gave up at https://me:hunter2@mirror.example/x"},
        )

    assert "hunter2" not in str(raised.value)
    assert "mirror.example" in str(raised.value)


def client(folder: Path, script: str) -> Builder:
    """A docker command that does what is written here."""
    path = folder / "docker"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Builder(kind="built-in", argv=(str(path), "build"))


def buildkit(tmp_path: Path, script: str) -> Built:
    builder = client(tmp_path, script)
    with FakeEngine({"/system/df": USAGE}) as engine, connect({"DOCKER_HOST": engine.host}) as got:
        environ = {"PATH": os.environ["PATH"], "BUILDX_BUILDER": "mine", "DOCKER_CONTEXT": "x"}
        return build(builder, got, job(tmp_path), environ, lambda words: None)


posix = pytest.mark.skipif(sys.platform == "win32", reason="the client here is a shell script")
ID_FILE = 'for word; do case "$word" in --iidfile=*) id="${word#--iidfile=}";; esac; done'


@posix
def test_buildkit_writes_the_id(tmp_path: Path) -> None:
    """And is told of no other builder or engine than the one that was found."""
    script = (
        f'{ID_FILE}\n[ "$DOCKER_BUILDKIT" = 1 ] || exit 9\n'
        '[ -z "$BUILDX_BUILDER$DOCKER_CONTEXT" ] || exit 8\n'
        "echo '#5 [2/2] ADD source.tar /' >&2; echo '#5 CACHED' >&2\n"
        'printf sha256:bb > "$id"'
    )

    assert buildkit(tmp_path, script) == Built(
        image_id="sha256:bb", ran=(), cached=("ADD source.tar /",)
    )


@posix
def test_buildkit_runs_out_of_disk(tmp_path: Path) -> None:
    """The same words as with the classic builder."""
    script = "echo '#5 [2/2] RUN make' >&2; echo 'write /x: no space left on device' >&2; exit 1"
    with pytest.raises(RemoteRefused) as raised:
        buildkit(tmp_path, script)

    assert "[2/2] RUN make: the engine's disk is full" in raised.value.what


@posix
@pytest.mark.parametrize("script", ["exit 1", "exit 0"])
def test_a_client_that_says_nothing(tmp_path: Path, script: str) -> None:
    """Its status is what is known; without an id there is no image, whatever the status."""
    with pytest.raises(CannotBuild) as raised:
        buildkit(tmp_path, script)

    assert f"ended with status {script[-1]}" in raised.value.causes[0]


def test_a_client_that_is_gone(tmp_path: Path) -> None:
    """It was there when it was looked for."""
    builder = Builder(kind="built-in", argv=(str(tmp_path / "nowhere"), "build"))
    with (
        FakeEngine() as engine,
        connect({"DOCKER_HOST": engine.host}) as found,
        pytest.raises(CannotBuild, match="cannot be started"),
    ):
        build(builder, found, job(tmp_path), {}, lambda words: None)
