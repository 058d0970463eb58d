"""Packages as Lambda layers, deployed: published only when new, and the function's list follows."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.world import REGION, ROLE, Clock, World
from tests.e2e.projects import Project, write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.lambda_front import DESCRIBING, LambdaFront, lambda_front
from tests.services.moto import ACCOUNT, forget
from tests.services.wheels import make_wheel

CREATE = ("--create", "--role", ROLE, "--alias", "live")
LAYER = "imagekit-app-packages-python3-13-x86_64"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer"


@pytest.fixture
def front(moto: str) -> Iterator[LambdaFront]:
    """Lambda with an empty account."""
    forget(moto)
    with lambda_front(moto) as served:
        yield served


@pytest.fixture
def world(moto: str, front: LambdaFront) -> World:
    """An account with a role in it."""
    found = World(moto=moto, front=front, clock=Clock())
    found.role()
    return found


@pytest.fixture
def project(zipped: Project, world: World, tmp_path: Path) -> Project:
    """A small function over `demo`, whose packages are layers."""
    zipped.replace('packaging = "zip"', 'packaging = "zip-layers"')
    env = {
        **world.environ,
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    found = zipped.with_env(**env)
    found.build()
    return found


def deploy(project: Project, *arguments: str) -> list[str]:
    """The steps of a deployment that succeeds."""
    done = succeeded(project.run("deploy", *arguments, "--json"))
    (function,) = json.loads(done.stdout)["functions"]
    return list(function.get("steps", []))


def attached(world: World, name: str = "app") -> list[str]:
    """Layers of `$LATEST`, as Lambda has them."""
    found = world.client("lambda").get_function_configuration(FunctionName=name)
    return [str(one["Arn"]) for one in found.get("Layers", [])]


def versions(world: World) -> list[dict[str, Any]]:
    """What was published of the packages' layer."""
    found = world.client("lambda").list_layer_versions(LayerName=LAYER)
    return list(found["LayerVersions"])


def change_code(project: Project) -> None:
    text = "import demo\n\n\ndef handler(event, context):\n    return demo.ANSWER + 1\n"
    (project.folder / "app.py").write_text(text, encoding="utf-8")


def bump(project: Project, wheels: Path, index: Index, version: str = "1.1") -> None:
    """Another version of `demo`."""
    made = make_wheel(
        wheels, "demo", version, {"demo/__init__.py": f"ANSWER = 42  # {version}\n".encode()}
    )
    write_pylock(project.folder, [made], index)


def somebodys(world: World, name: str, size_bytes: int = 100) -> str:
    """The ARN of a layer that others published."""
    data = project_zip(size_bytes)
    made = world.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": data})
    return str(made["LayerVersionArn"])


def project_zip(size_bytes: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("python/tool.py", bytes(size_bytes))
    return out.getvalue()


def test_build_writes_code_and_layers_apart(project: Project) -> None:
    """The ZIP is the source; the layer has the packages where Lambda's Python looks for them, and
    the ZIP says which layer it was built with."""
    assert project.made() == ["app.layer-1.zip", "app.zip"]
    with zipfile.ZipFile(project.folder / "dist" / "app.zip") as code:
        assert code.namelist() == ["app.py", "imagekit_layers.json"]
        (named,) = json.loads(code.read("imagekit_layers.json"))["layers"]
    layer = project.folder / "dist" / "app.layer-1.zip"
    with zipfile.ZipFile(layer) as packages:
        assert {name.split("/")[0] for name in packages.namelist()} == {"python"}
        assert "python/demo/__init__.py" in packages.namelist()

    assert (named["name"], named["size_bytes"]) == (LAYER, layer.stat().st_size)
    assert named["digest"] == hashlib.sha256(layer.read_bytes()).hexdigest()
    succeeded(project.run("check", "app"))


def test_the_same_layer_from_another_store(project: Project, tmp_path: Path) -> None:
    """Deterministic: another machine publishes nothing new. With bytecode, and without the code."""
    project.replace("bytecode = false", "bytecode = true")
    first = project.build()
    change_code(project)
    there = project.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "other-store"))
    second = there.build()

    assert first["attaches"][0]["digest"] == second["attaches"][0]["digest"]
    assert first["digest"] != second["digest"], "the code differs"
    with zipfile.ZipFile(Path(project.folder, first["attaches"][0]["path"])) as layer:
        (pyc,) = (one for one in layer.namelist() if "demo/__pycache__" in one)
        assert b"/opt/python/demo/__init__.py" in layer.read(pyc), "where its source lies"


def test_layers_then_code_then_the_list(project: Project, world: World) -> None:
    """Published under what it holds; the version has code and layers, and the alias comes last."""
    dry = succeeded(project.run("deploy", *CREATE, "--dry-run"))
    assert f"publish the layer {LAYER} (" in dry.stdout
    assert f"layers []→[{LAYER}]" in dry.stdout
    steps = deploy(project, *CREATE)

    kinds = [" ".join(step.split()[:2]) for step in steps]
    assert kinds == ["publish the", "create the", "set layers", "publish a", "create the"]
    (version,) = versions(world)
    digest = hashlib.sha256((project.folder / "dist" / "app.layer-1.zip").read_bytes()).digest()
    assert version["Description"] == f"sha256:{digest.hex()}"
    assert attached(world) == [f"{ARN}:{LAYER}:1"]
    described = world.client("lambda").get_layer_version(LayerName=LAYER, VersionNumber=1)
    assert described["Content"]["CodeSha256"] == base64.b64encode(digest).decode()
    assert described["CompatibleRuntimes"] == ["python3.13"]
    live = world.client("lambda").get_function(FunctionName="app", Qualifier="live")
    assert [one["Arn"] for one in live["Configuration"]["Layers"]] == [f"{ARN}:{LAYER}:1"]


def test_only_what_is_new_is_sent(project: Project, front: LambdaFront, world: World) -> None:
    """Where nothing differs nothing is changed; another code publishes no layer."""
    deploy(project, *CREATE)
    front.forget()
    assert deploy(project, "--alias", "live") == []
    assert set(front.operations()) <= DESCRIBING
    change_code(project)
    project.build()
    deploy(project, "--alias", "live")

    assert front.changes() == ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"]
    assert len(versions(world)) == 1


def test_rollback_without_an_alias_brings_the_layers_back(
    project: Project, wheels: Path, index: Index, world: World
) -> None:
    """Old code runs with the packages that it was built with."""
    deploy(project, "--create", "--role", ROLE)
    bump(project, wheels, index)
    project.build()
    deploy(project)
    assert attached(world) == [f"{ARN}:{LAYER}:2"]
    succeeded(project.run("rollback", "app"))

    assert attached(world) == [f"{ARN}:{LAYER}:1"]


def test_another_machine_deploys_what_lies_in_dist(
    project: Project, world: World, tmp_path: Path
) -> None:
    """Both files are handed over; without the layer's, or with another one, nothing is sent."""
    taken = tmp_path / "taken"
    taken.mkdir()
    shutil.copy(project.folder / "dist" / "app.zip", taken)
    there = project.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty-store"))
    arguments = ("deploy", *CREATE, "--zip", str(taken / "app.zip"))
    done = there.run(*arguments)
    assert done.returncode == 1, done.stderr
    assert f"its packages are neither published nor here: {LAYER}" in done.stderr
    assert "app.layer-1.zip" in done.stderr
    shutil.copy(project.folder / "dist" / "app.zip", taken / "app.layer-1.zip")
    assert there.run(*arguments).returncode == 1
    assert versions(world) == []

    shutil.copy(project.folder / "dist" / "app.layer-1.zip", taken)
    succeeded(there.run(*arguments))
    assert attached(world) == [f"{ARN}:{LAYER}:1"]


def test_layers_of_others_count_with_their_size(
    project: Project, front: LambdaFront, world: World
) -> None:
    """Unzipped, as the archive's own directory tells it from where Lambda lends it: over the limit
    together nothing is sent, and the heaviest are named."""
    deploy(project, *CREATE)
    arn = somebodys(world, "models", 262_144_000)
    world.client("lambda").update_function_configuration(FunctionName="app", Layers=[arn])
    front.forget()
    done = project.run("deploy", "--alias", "live")

    assert done.returncode == 1
    assert "models:1 262 MB" in done.stderr
    assert "Lambda takes less than 262 MB unzipped" in done.stderr
    assert front.changes() == []


def test_what_grew_over_the_limit_is_named(project: Project, wheels: Path, index: Index) -> None:
    """At the plan already: nothing is built, and the package that grew is said."""
    made = make_wheel(wheels, "demo", "2.0", {"demo/model.bin": bytes(262_144_000)})
    write_pylock(project.folder, [made], index)
    done = project.run("build")

    assert done.returncode == 1
    assert "the ZIP, with its Lambda layers, is 262 MB; the limit is 262 MB" in done.stderr
    assert "since the last build: demo 2.0 262 MB more" in done.stderr
    assert "zip-nested" in done.stderr


def test_policy_names_what_layers_need(project: Project) -> None:
    """For names that imagekit gives, and no other layer."""
    policy = json.loads(succeeded(project.run("doctor", "--policy")).stdout)
    (found,) = (one for one in policy["Statement"] if one["Sid"] == "DeployPackages")

    assert found["Action"] == [
        "lambda:GetLayerVersion",
        "lambda:ListLayerVersions",
        "lambda:PublishLayerVersion",
    ]
    assert found["Resource"] == [f"{ARN}:imagekit-*"]
