"""The life of a shared base: published, built on by two projects, published newer, taken over.

With real wheels of pandas, numpy and pyarrow, a real registry and containers as Lambda runs them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.e2e.projects import Project, write_project, write_pylock
from tests.services import debian, needs, scoring
from tests.services.cli import succeeded
from tests.services.containers import Function, lambda_container
from tests.services.front import Front
from tests.services.images import MadeLayer, put_image
from tests.services.registry import running_registry, stored_bytes
from tests.services.wheels import make_wheel

SHARED = ("numpy", "pandas", "pyarrow", "python_dateutil", "six")
OWN = ("aws_lambda_powertools", "jmespath", "typing_extensions")
FIRST, SECOND = 1_794_960_000, 1_796_083_200
"""2026-11-18 and 2026-12-01, as seconds since 1970."""
DEBIAN = """\
from = "debian"
suite = "trixie"
packages = ["python3.13", "ca-certificates"]
"""
AWS = 'from = "public.ecr.aws/lambda/python:3.13"\n'
OWN_BYTES = 30_000
"""More than source, config and manifest of a function; less than any package."""

FRAMES = """\
import aws_lambda_powertools
import pandas
import pyarrow
import teamtools


def handler(event, context):
    frame = pandas.DataFrame({"x": event["numbers"]})
    table = pyarrow.Table.from_pandas(frame)
    return {"sum": int(table["x"].to_pandas().sum()), "teamtools": teamtools.VERSION}
"""
SUMS = """\
import jmespath
import numpy
import teamtools


def handler(event, context):
    numbers = jmespath.search("numbers", event)
    return {"sum": int(numpy.array(numbers).sum()), "teamtools": teamtools.VERSION}
"""


class Place(Struct, frozen=True, kw_only=True):
    """A registry of the tests' own, and a front that counts what is sent to it."""

    folder: Path
    registry: str
    front: Front

    @property
    def stored_bytes(self) -> int:
        return stored_bytes(self.folder)


class Wheels(Struct, frozen=True, kw_only=True):
    """Where real wheels lie, and made ones of the team's own package."""

    real: Path
    client: Path
    made: Path

    def of(self, names: Iterable[str]) -> list[Path]:
        return [path for name in names for path in sorted(self.real.glob(f"{name}-*.whl"))]

    def team(self, version: str) -> Path:
        code = f'VERSION = "{version}"\n'.encode()
        return make_wheel(self.made, "teamtools", version, {"teamtools/__init__.py": code})


@pytest.fixture(scope="module")
def place(
    debian_layer: MadeLayer, runtime_client: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """In it Debian under the name, config and entry point of AWS's base image."""
    needs.needs("registry", "docker-registry")
    folder = tmp_path_factory.mktemp("life")
    scoring.unpack_runtime_client(runtime_client, folder / "runtime")
    layer = debian.aws_runtime_layer(folder / "runtime", folder)
    with running_registry(folder) as registry, Front(registry) as front:
        put_image(registry, "lambda/python:3.13", [debian_layer, layer], debian.AWS_CONFIG)
        yield Place(folder=folder, registry=registry, front=front)


@pytest.fixture(scope="module")
def wheels(
    scoring_wheels: Path, runtime_client: Path, tmp_path_factory: pytest.TempPathFactory
) -> Wheels:
    """As examples/scoring locks them."""
    return Wheels(
        real=scoring_wheels, client=runtime_client, made=tmp_path_factory.mktemp("team-wheels")
    )


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The platform team's store, and another that developers have."""
    return {who: str(tmp_path_factory.mktemp(who)) for who in ("platform", "developers")}


class Team:
    """Publishes `science` into `bases/KIND`."""

    def __init__(self, folder: Path, kind: str, place: Place, env: dict[str, str]) -> None:
        self.base = folder / "base_images" / "science"
        self.base.mkdir(parents=True)
        self.repository = f"{place.front.host}/bases/{kind}"
        self._project = Project(folder=folder, env=env)
        text = (DEBIAN if kind == "debian" else AWS) + 'python = "3.13"\nlock = "pylock.toml"\n'
        text += f'architectures = ["x86_64"]\n[publish]\nrepository = "{self.repository}"\n'
        (self.base / "base.toml").write_text(text, encoding="utf-8")

    def publish(self, packages: Iterable[Path], epoch: int) -> str:
        """On that day, with these packages; the reference."""
        write_pylock(self.base, packages)
        day = {"SOURCE_DATE_EPOCH": str(epoch)}
        return succeeded(self._project.run("base", "publish", "science", env=day)).stdout.strip()


def developer(folder: Path, source: str, packages: Iterable[Path], env: dict[str, str]) -> Project:
    """A project that names the published base `science` and locks all that it imports."""
    keys = {"base": "science", "packaging": "image"}
    write_project(folder, keys=keys, files={"app.py": source})
    write_pylock(folder, packages)
    return Project(folder=folder, env=env)


def name_base(project: Project, reference: str) -> None:
    config = project.folder / "imagekit.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(f'{text}[bases]\nscience = "{reference}"\n', encoding="utf-8")


def pushed(project: Project, place: Place, to: str) -> dict[str, Any]:
    """Built and pushed; held to what it says of bytes by what the registry got and kept."""
    before = place.stored_bytes
    place.front.forget()
    made = project.build("--push", "--to", f"{place.front.host}/{to}")
    assert place.front.sent_bytes <= made["sent_bytes"] + OWN_BYTES, "no more than it says"
    made["kept_bytes"] = place.stored_bytes - before
    made["uploaded"] = [
        each.sent_bytes for each in place.front.saw("P", "/blobs/uploads/") if each.sent_bytes
    ]
    return made


def answer(engine: str, place: Place, reference: str) -> dict[str, Any]:
    """What the image answers under the Runtime API."""
    image = reference.replace(place.front.host, place.registry)
    with lambda_container(engine, Function(image=image)) as function:
        found = function.invoke({"numbers": [1, 2, 39]})
    assert isinstance(found.body, dict), found.error
    return found.body


def package_layers(made: dict[str, Any]) -> dict[str, str]:
    """Digest by what is inside."""
    return {", ".join(one["packages"]): one["digest"] for one in made["layers"] if one["packages"]}


@pytest.mark.parametrize("kind", ["debian", "aws"])
def test_a_newer_base_moves_two_projects_and_no_package(
    kind: str,
    place: Place,
    wheels: Wheels,
    stores: dict[str, str],
    tmp_path: Path,
    docker_engine: str,
) -> None:
    """Each push sends its project's own bytes alone; the upgrade sends not even those.

    With a base composed of Debian, and with one on AWS's image, reached by its own name.
    """
    shared = wheels.of(SHARED)
    if kind == "debian":
        needs.needs("debian base", "mmdebstrap")
        shared += sorted(wheels.client.glob("*.whl"))
    platform = {
        "IMAGEKIT_CACHE_DIR": stores["platform"],
        "IMAGEKIT_REGISTRY_ENDPOINTS": f"public.ecr.aws=http://{place.front.host}",
    }
    team = Team(tmp_path / "platform", kind, place, platform)
    first = team.publish([*shared, wheels.team("1.0")], FIRST)
    assert first.startswith(f"{team.repository}:2026.11.18-x86_64@sha256:")

    mine = {"IMAGEKIT_CACHE_DIR": stores["developers"], "SOURCE_DATE_EPOCH": str(FIRST)}
    projects = {
        "frames": developer(tmp_path / "frames", FRAMES, wheels.of([*SHARED, *OWN]), mine),
        "sums": developer(tmp_path / "sums", SUMS, wheels.of(["numpy", "jmespath"]), mine),
    }
    before = {}
    for name, project in projects.items():
        name_base(project, f"{team.repository}:2026.11.18")
        made = before[name] = pushed(project, place, f"{kind}/{name}:one")
        own = sum(one["size_bytes"] for one in made["layers"])
        packages = " ".join(package_layers(made))
        assert "numpy" not in packages
        assert "jmespath" in packages
        assert made["kept_bytes"] < own + OWN_BYTES, "the base's layers are there already"
        assert made["mounted_bytes"] > 50_000_000
        assert answer(docker_engine, place, made["reference"]) == {"sum": 42, "teamtools": "1.0"}

    second = team.publish([*shared, wheels.team("1.1")], SECOND)
    assert second.startswith(f"{team.repository}:2026.12.01-x86_64@sha256:")
    for name, project in projects.items():
        done = project.run("base", "outdated", "--json")
        (look,) = json.loads(done.stdout)["bases"]
        assert done.returncode == 1
        assert look["newer"] == second
        assert look["difference"]["packages"] == ["teamtools 1.0→1.1"]

        later = project.with_env(SOURCE_DATE_EPOCH=str(SECOND))
        succeeded(later.run("lock", "--upgrade-base"))
        (plan,) = json.loads(succeeded(later.run("plan", "--json")).stdout)["functions"]
        assert all(one["stored"] for one in plan["layers"]), "nothing is left to be made"
        made = pushed(later, place, f"{kind}/{name}:two")
        assert package_layers(made) == package_layers(before[name])
        assert made["digest"] != before[name]["digest"]
        assert sum(made["uploaded"]) < OWN_BYTES, "the config alone"
        assert made["kept_bytes"] < OWN_BYTES
        assert answer(docker_engine, place, made["reference"]) == {"sum": 42, "teamtools": "1.1"}
        assert later.run("base", "outdated").returncode == 0
