"""`imagekit profile` and `imagekit bench`: what a start costs, inside the artefact itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tomli

from tests.e2e.docker_images import forget_children, forget_named
from tests.e2e.projects import Done, Project, write_project, write_pylock
from tests.services.cli import succeeded
from tests.services.docker import connect
from tests.services.index import Index
from tests.services.wheels import make_wheel

# About what pandas and its company have: a second to compile, and little to run.
BODY = "\n".join(
    f"def f{number}(x, y={number}):\n    '''Text.'''\n    return [x * {number}, y, (x, y)]"
    for number in range(4000)
).encode()
WHEELS = {
    "tables": {
        "tables/__init__.py": b"from tables import frame, io\n",
        "tables/frame.py": BODY,
        "tables/io.py": b"import email.message\n" + BODY,
        "tables/never.py": BODY,
    },
    "plots": {"plots.py": BODY},
}
APP = """\
import json

import plots
import tables

ROWS = tables.frame.f1(1)


def handler(event, context):
    return {"rows": ROWS, "plot": plots.f2(2)}
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory, runtime_client: Path) -> Iterator[Index]:
    """Packages of some weight, and the real runtime client."""
    folder = tmp_path_factory.mktemp("heavy")
    for name, files in WHEELS.items():
        make_wheel(folder, name, "1.0", files)
    with Index(folder, runtime_client) as index:
        yield index


@pytest.fixture
def heavy(
    tmp_path: Path,
    packages: Index,
    debian_base: str,
    docker_engine: str,
    uv_env: Callable[[Index], dict[str, str]],
) -> Iterator[Project]:
    """A function that imports them, as an image on Debian, with an engine to run it."""
    folder = write_project(
        tmp_path / "project",
        keys={"python": "3.13", "packaging": "image", "base": debian_base},
        files={"app.py": APP},
    )
    write_pylock(folder, (path for path in packages.wheels() if path.name[0] in "tp"), packages)
    yield Project(folder=folder, env={**uv_env(packages), "DOCKER_HOST": docker_engine})
    forget_children(docker_engine, "imagekit-local/app")
    forget_named(docker_engine, "app", "plain", "imagekit-local/app")


def failed(done: Done, status: int) -> Done:
    assert done.returncode == status, done.stderr
    return done


def test_a_start_is_told_by_package_layer_and_module(heavy: Project) -> None:
    """At least 95 % of the measured time is attributed; bytecode halves it at least; what could
    wait is named; the measurement goes into imagekit.lock, and the plan says what it bought.
    `--fail-over` ends with 1 and names the heaviest, after all that."""
    done = failed(
        heavy.run("profile", "--runs", "3", "--keep", "--fail-over", "1ms", "--json"), status=1
    )
    (found,) = json.loads(done.stdout)["profiles"]

    assert found["attributed_us"] >= 0.95 * found["total_us"]
    owners = {one["name"]: one["kind"] for one in found["by_owner"]}
    assert owners == {
        "tables 1.0": "package",
        "plots 1.0": "package",
        "your code": "own",
        "runtime client": "client",
        "standard library": "stdlib",
    }
    layers = {one["module"]: one["layer"] for one in found["imports"]}
    assert layers["app"] == "source"
    assert layers["tables.frame"] in {one["name"] for one in found["by_layer"]}
    assert layers["awslambdaric.bootstrap"] == "runtime client"
    effect = found["bytecode"]
    assert effect["shipped"] == "all"
    assert effect["without_us"]["median"] >= 2 * effect["with_us"]["median"]
    assert [(one["module"], one["used_in"]) for one in found["lazy"]] == [("plots", ["handler"])]

    (kept,) = tomli.loads((heavy.folder / "imagekit.lock").read_text("utf-8"))["bytecode"]
    assert kept["function"] == "app"
    assert {one["package"] for one in kept["gains"]} >= {"tables", "plots"}
    assert "of a start" in succeeded(heavy.run("plan", "--locked")).stdout
    assert "at most 1.0 ms were allowed" in done.stderr
    assert "tables 1.0" in done.stderr


def test_with_bytecode_it_starts_twice_as_fast(heavy: Project, docker_engine: str) -> None:
    """One table: the image with bytecode, and the one that Docker built without, in turn."""
    heavy.replace("[functions.app]", "bytecode = false\n[functions.app]")
    succeeded(heavy.run("build", "--engine", "docker", "--load"))
    client = connect(docker_engine)
    client.images.get("app:latest").tag("plain:latest")
    client.close()
    heavy.replace("bytecode = false\n", "")
    done = succeeded(heavy.run("bench", "app", "docker:plain:latest", "-n", "3", "--json"))
    fast, slow = json.loads(done.stdout)["series"]

    assert (fast["artefact"], slow["artefact"]) == ("app", "docker:plain:latest")
    assert [one["batch"] for one in fast["starts"]] == [0, 1, 2]
    assert slow["spread"]["init_ms"]["median"] >= 2 * fast["spread"]["init_ms"]["median"]
    for series in (fast, slow):
        first_answer, init = (series["spread"][key] for key in ("first_answer_ms", "init_ms"))
        assert first_answer["median"] > init["median"]
        assert series["spread"]["memory_bytes"]["median"] > 10_000_000
    assert "app starts" in done.stderr
    assert "times as fast as docker:plain:latest" in done.stderr


def test_packagings_are_compared_in_one_table(heavy: Project) -> None:
    """A function as an image and as a ZIP on its base, each built, both in the table."""
    heavy.replace('packaging = "image"', 'packaging = "auto"')
    done = succeeded(
        heavy.run("bench", "-n", "1", "--packaging", "image", "--packaging", "zip", "--json")
    )
    found = json.loads(done.stdout)["series"]

    assert [(one["artefact"], one["packaging"]) for one in found] == [
        ("app image", "image"),
        ("app zip", "zip"),
    ]


def test_a_handler_that_cannot_be_imported_says_why(heavy: Project) -> None:
    """Exit 1, the exception, and how to see more."""
    (heavy.folder / "app.py").write_text("import nosuch\ndef handler(e, c): ...\n")
    done = failed(heavy.run("profile"), status=1)

    assert "ModuleNotFoundError: No module named 'nosuch'" in done.stderr
    assert "imagekit invoke app" in done.stderr

    done = failed(heavy.run("bench", "-n", "1"), status=1)
    assert "app does not start" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("profile", "--fail-over", "800"), "--fail-over 800 is no duration"),
        (("profile", "--runs", "0"), "--runs 0 measures nothing"),
        (("profile", "--keep", "--locked"), "--keep writes imagekit.lock"),
        (("profile", "--keep", "docker:nosuch"), "is for a function of a project here"),
        (("bench", "-n", "0"), "-n 0 starts nothing"),
        (("bench", "app", "app"), "named twice: app"),
        (("bench", "--packaging", "rpm"), "--packaging rpm is not known"),
        (("bench", "--event", "{"), "--event is no JSON"),
    ],
)
def test_what_cannot_be_measured(heavy: Project, arguments: tuple[str, ...], words: str) -> None:
    """Wrong words end with 2 before anything is built."""
    assert words in failed(heavy.run(*arguments), status=2).stderr
