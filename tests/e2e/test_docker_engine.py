"""Images that Docker builds: the same files, only the steps that changed, and they run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.docker_images import engine_images, forget_named, seen
from tests.e2e.projects import Project, read_config, read_manifest, write_project, write_pylock
from tests.services.cli import succeeded
from tests.services.containers import Function, forget, lambda_container
from tests.services.images import layer_of, put_image
from tests.services.index import Index
from tests.services.needs import leave_out
from tests.services.wheels import make_wheel

BUILDERS = {"buildkit": {}, "classic": {"DOCKER_BUILDKIT": "0"}}
APP = """\
import one, two


def handler(event, context):
    return [one.ANSWER, two.ANSWER, event]
"""


@pytest.fixture(scope="session")
def buildkit(docker_engine: str) -> str:
    """The engine's address, where a client on PATH can build with BuildKit."""
    import os

    from imagekit.engines.docker.clients import find_builder

    if find_builder(os.environ, Path.cwd()).kind == "classic":
        leave_out("BuildKit", "no docker command on PATH can build with it")
    return docker_engine


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Wheels with all that installers change: scripts, modes, links of names, own bytecode."""
    folder, mark = tmp_path / "many", uuid.uuid4()
    for name in ("one", "two"):
        make_wheel(
            folder,
            name,
            "1.0",
            {
                # An engine that is used again must know none of this test's steps.
                f"{name}/__init__.py": f"ANSWER = '{mark}'\ndef main(): ...\n".encode(),
                f"{name}/__pycache__/__init__.cpython-313.pyc": b"stale",
                f"{name}/tool.sh": b"#!/bin/sh\n",
                f"{name}/a, b é.txt": b"odd name\n",
                f"space/{name}.py": b"# one namespace of two packages\n",
            },
            executable=[f"{name}/tool.sh"],
            entry_points={f"{name}-run": f"{name}:main"},
            data={"scripts": {f"{name}.sh": b"#!python\nprint()\n"}},
        )
    return folder


@pytest.fixture
def served(many: Path, runtime_client: Path) -> Iterator[Index]:
    """An index of these, and of the runtime client."""
    with Index(many, runtime_client) as index:
        yield index


@pytest.fixture
def project(
    tmp_path: Path,
    many: Path,
    served: Index,
    debian_base: str,
    docker_engine: str,
    uv_env: Callable[[Index], dict[str, str]],
) -> Project:
    """Two packages and a module on the Debian base, which has no runtime client."""
    folder = write_project(
        tmp_path / "project",
        keys={"base": debian_base, "packaging": "image"},
        files={"app.py": APP, "data/note.txt": "a note\n"},
    )
    write_pylock(folder, many.glob("*.whl"), served)
    return Project(folder=folder, env={**uv_env(served), "DOCKER_HOST": docker_engine})


def built(project: Project, *arguments: str, **env: str) -> dict[str, object]:
    return project.build("--engine", "docker", *arguments, env=env)


@pytest.mark.parametrize("builder", BUILDERS)
def test_the_same_files_as_without_docker(project: Project, buildkit: str, builder: str) -> None:
    """For the same plan: every path, its bytes and its mode, bytecode among them; the same
    settings. RECORD's lines of scripts and a script's first line are another interpreter's."""
    succeeded(project.run("build", "--engine", "oci", "--output", "oci"))
    built(project, "--output", "docker", **BUILDERS[builder])
    without, by_docker = project.folder / "oci/app.oci", project.folder / "docker/app.oci"

    files = seen(by_docker, "var/task", "opt/")
    assert files == seen(without, "var/task", "opt/")
    assert len(files) > 20
    of_docker, of_oci = read_config(by_docker)["config"], read_config(without)["config"]
    for key in ("Env", "Entrypoint", "Cmd", "WorkingDir"):
        assert of_docker[key] == of_oci[key], key


def test_a_plain_manifest_on_the_bases_own_blobs(project: Project, buildkit: str) -> None:
    """No index, no attestation, the base's layers by the base's digests: a push mounts them."""
    succeeded(project.run("build", "--engine", "oci", "--output", "oci"))
    built(project, "--output", "docker")
    by_docker = read_manifest(project.folder / "docker/app.oci")
    without = read_manifest(project.folder / "oci/app.oci")

    assert by_docker["mediaType"] == without["mediaType"]
    assert by_docker["layers"][0] == without["layers"][0]
    assert all(one["mediaType"].endswith("tar.gzip") for one in by_docker["layers"])
    succeeded(project.run("check", "docker/app.oci"))


def steps_of(found: dict[str, object]) -> dict[str, object]:
    steps = found["steps"]
    assert isinstance(steps, dict)
    return steps


@pytest.mark.parametrize("builder", BUILDERS)
def test_only_what_changed_and_what_follows_is_run(
    project: Project, many: Path, served: Index, buildkit: str, builder: str
) -> None:
    """Nothing; the code alone; then one package of two, with what lies on it."""
    env = BUILDERS[builder]
    first = steps_of(built(project, **env))
    again = steps_of(built(project, **env))
    assert first["run"]
    assert again["run"] == []

    (project.folder / "app.py").write_text(APP + f"# {uuid.uuid4()}\n", encoding="utf-8")
    assert steps_of(built(project, **env))["run"] == ["ADD source.tar /"]

    (many / "two-1.0-py3-none-any.whl").unlink()
    bumped = make_wheel(
        many, "two", "1.1", {"two/__init__.py": f"ANSWER = '{uuid.uuid4()}'\n".encode()}
    )
    write_pylock(project.folder, many.glob("*.whl"), served)
    ran = steps_of(built(project, **env))["run"]
    assert isinstance(ran, list)
    assert not any("one" in step for step in ran if "uv pip install" in step), bumped
    assert ran[-1] == "ADD source.tar /"
    assert any("two" in step for step in ran)


def test_it_is_pushed_and_answers(
    project: Project, buildkit: str, registry: str, docker_engine: str
) -> None:
    """By our own client: one line on stdout, the reference with the digest that the registry has;
    the base is not sent again, nothing stays in the engine under a name, and it runs."""
    before = engine_images(docker_engine)
    found = built(project, "--push", "--to", f"{registry}/pushed:1")
    reference = str(found["reference"])

    assert reference == f"{registry}/pushed@{found['digest']}"
    assert str(found["image_id"]).startswith("sha256:")
    sent = found["sent_bytes"]
    assert isinstance(sent, int) and sent < 10_000_000, "the base is there already"
    # The base was pulled by its digest, which is a name of the base's.
    assert len(engine_images(docker_engine) - before) == 0
    with lambda_container(docker_engine, Function(image=reference)) as running:
        answer = running.invoke({"n": 1}).body
    assert isinstance(answer, list) and answer[2] == {"n": 1}
    again = built(project, "--push", "--to", f"{registry}/pushed:1")
    assert (again["digest"], again["sent_bytes"]) == (found["digest"], 0)


def test_load_names_what_the_engine_has(
    project: Project, buildkit: str, docker_engine: str
) -> None:
    """No archive travels to and fro: the image that was built gets the function's name."""
    done = succeeded(project.run("build", "--engine", "docker", "--load"))
    assert done.stdout == "docker:app:latest\n"
    try:
        succeeded(project.run("check", "docker:app:latest"))
        with lambda_container(docker_engine, Function(image="app:latest")) as running:
            assert running.invoke({"n": 2}).error is None
    finally:
        forget(docker_engine, "app:latest")
    assert project.made() == []


def test_no_index_and_no_credential_enters_the_build(
    project: Project, buildkit: str, docker_engine: str
) -> None:
    """Neither the context nor the image names the index; the login of one is nowhere."""
    secret = "s3cr3t-of-the-index"
    index = project.env["UV_DEFAULT_INDEX"].replace("://", f"://user:{secret}@")
    there = project.with_env(UV_DEFAULT_INDEX=index, UV_INDEX_TEAM_PASSWORD=secret)
    built(there, "--output", "out")
    succeeded(there.run("dockerfile", "--output", "context"))
    host = index.rpartition("@")[2].partition("/")[0]

    written = [*(project.folder / "context").rglob("*"), *(project.folder / "out").rglob("*")]
    for path in written:
        if path.is_file():
            data = path.read_bytes()
            assert secret.encode() not in data, path
            assert host.encode() not in data, path


@pytest.mark.parametrize("builder", BUILDERS)
def test_a_failing_step(project: Project, buildkit: str, docker_engine: str, builder: str) -> None:
    """Exit 1: which step, its last lines, what to type; stdout is empty and nothing is named."""
    project.replace(
        'handler = "app.handler"', 'handler = "app.handler"\nrun = ["echo why; exit 7"]'
    )
    before = engine_images(docker_engine)
    done = project.run("build", "--load", env=BUILDERS[builder])

    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    error = done.stderr[done.stderr.index("error: ") :]
    assert "RUN echo why; exit 7" in error.splitlines()[0]
    assert "  why" in error.splitlines()
    assert "7" in error.splitlines()[2]
    assert "hint: " in error
    assert engine_images(docker_engine) == before


def test_the_printed_file_builds_without_imagekit(
    project: Project, buildkit: str, docker_engine: str
) -> None:
    """`imagekit dockerfile --output DIR` is all that Docker needs; stdout is the folder."""
    import subprocess

    done = succeeded(project.run("dockerfile", "app", "--output", "context"))
    assert done.stdout == "context\n"
    printed = succeeded(project.run("dockerfile", "app")).stdout
    context = project.folder / "context"
    assert (context / "Dockerfile").read_text(encoding="utf-8") == printed

    from imagekit.engines.docker.clients import find_builder

    builder = find_builder(dict(project.env) | _path(), project.folder)
    name = f"imagekit-test-printed:{project.folder.parent.name.lower()[-20:].strip('_')}"
    argv = [*builder.argv, "--network=none", "--quiet", "--tag", name, str(context)]
    environ = {**_path(), "DOCKER_HOST": docker_engine, "DOCKER_BUILDKIT": "1"}
    subprocess.run(argv, env=environ, check=True, capture_output=True)
    try:
        with lambda_container(docker_engine, Function(image=name)) as running:
            assert running.invoke({"n": 3}).error is None
    finally:
        forget(docker_engine, name)


def _path() -> dict[str, str]:
    import os

    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


@pytest.mark.parametrize(("slim", "files_at_least"), [("off", 1_000), ("safe", 500), ("max", 500)])
def test_real_wheels(
    project: Project,
    scoring_wheels: Path,
    buildkit: str,
    docker_engine: str,
    slim: str,
    files_at_least: int,
) -> None:
    """numpy and a few others: extension modules, shared libraries, scripts, 1,000 files. What
    slimming leaves out, and shared objects without symbols, are the same with Docker as without."""
    project.replace("[functions.app]", f'slim = "{slim}"\n[functions.app]')
    wheels = [
        wheel
        for name in ("numpy", "six", "urllib3")
        for wheel in scoring_wheels.glob(f"{name}-*.whl")
    ]
    write_pylock(project.folder, wheels)
    (project.folder / "app.py").write_text(
        "import numpy\n\n\ndef handler(event, context):\n    return int(numpy.arange(4).sum())\n",
        encoding="utf-8",
    )
    succeeded(project.run("build", "--engine", "oci", "--output", "oci"))
    built(project, "--output", "docker")
    by_docker, without = project.folder / "docker/app.oci", project.folder / "oci/app.oci"

    files = seen(by_docker, "var/task", "opt/")
    assert files == seen(without, "var/task", "opt/")
    assert len(files) > files_at_least


@pytest.mark.parametrize("elsewhere", [False, True], ids=["direct", "through a mirror"])
def test_extensions_are_copied(
    project: Project, registry: str, buildkit: str, tmp_path: Path, elsewhere: bool
) -> None:
    """The same files below /opt as without Docker; also where the registry is reached through
    IMAGEKIT_REGISTRY_ENDPOINTS, which the engine knows nothing of."""
    files = {"opt/extensions/agent": b"#!/bin/sh\nexit 0\n", "opt/agent/rules.json": b"{}"}
    name = f"extension-{int(elsewhere)}:1"
    put_image(registry, name, [layer_of(files, tmp_path)], {})
    host, more = registry, {}
    if elsewhere:
        host = "mirrored.example"
        more = {"IMAGEKIT_REGISTRY_ENDPOINTS": f"{host}=http://{registry}"}
        project.replace(registry, host)
    extensions = json.dumps([f"{host}/{name}"])
    project.replace(
        'handler = "app.handler"', f'handler = "app.handler"\nextensions = {extensions}'
    )
    there = project.with_env(**more)
    try:
        succeeded(there.run("build", "--engine", "oci", "--output", "oci", "--complete"))
        built(there, "--output", "docker", "--complete")
    finally:
        forget_named(project.env["DOCKER_HOST"], "imagekit-base", "imagekit-extension")

    without = seen(project.folder / "oci/app.oci", "opt/")
    assert seen(project.folder / "docker/app.oci", "opt/") == without
    assert "opt/extensions/agent" in without
