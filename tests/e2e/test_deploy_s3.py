"""A ZIP whose packages lie in S3, deployed: packages before code, once, and never without them."""

from __future__ import annotations

import hashlib
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
from tests.services.moto import forget
from tests.services.wheels import make_wheel

BUCKET = "packages"
CREATE = ("--create", "--role", ROLE, "--alias", "live")


@pytest.fixture
def front(moto: str) -> Iterator[LambdaFront]:
    """Lambda with an empty account."""
    forget(moto)
    with lambda_front(moto) as served:
        yield served


@pytest.fixture
def world(moto: str, front: LambdaFront) -> World:
    """An account with a role and a bucket in it."""
    found = World(moto=moto, front=front, clock=Clock())
    found.role()
    where = {"LocationConstraint": REGION}
    found.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
    return found


@pytest.fixture
def project(zipped: Project, world: World, tmp_path: Path) -> Project:
    """A small function over `demo`, whose packages go to S3."""
    zipped.replace('packaging = "zip"', f'packaging = "zip-s3"\nbucket = "{BUCKET}"')
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


def uploads(steps: list[str]) -> list[str]:
    return [step for step in steps if step.startswith("upload")]


def keys(world: World) -> list[str]:
    found: dict[str, Any] = world.client("s3").list_objects_v2(Bucket=BUCKET)
    return [str(one["Key"]) for one in found.get("Contents", [])]


def test_the_packages_go_first_and_once(project: Project, world: World) -> None:
    """Under their content's digest; another version of the code finds them there."""
    rest = project.folder / "dist" / "app.packages.zip"
    key = f"imagekit/{hashlib.sha256(rest.read_bytes()).hexdigest()}.zip"
    first = deploy(project, *CREATE)
    assert first[0] == f"upload to s3://{BUCKET}/{key}"
    assert keys(world) == [key]

    text = "import demo\n\n\ndef handler(event, context):\n    return demo.ANSWER + 1\n"
    (project.folder / "app.py").write_text(text, encoding="utf-8")
    project.build()
    second = deploy(project, "--alias", "live")

    assert uploads(second) == []
    assert second[0].startswith("update the code to ")
    assert keys(world) == [key]


def test_nothing_differs_nothing_is_called(
    project: Project, front: LambdaFront, world: World
) -> None:
    """A look at the bucket is all that it costs more than another ZIP."""
    deploy(project, *CREATE)
    front.forget()

    assert deploy(project, "--alias", "live") == []
    assert set(front.operations()) <= DESCRIBING


def test_what_the_bucket_lost_is_put_back(project: Project, world: World) -> None:
    """A rule of the bucket deleted it: the function would fail at its next start."""
    deploy(project, *CREATE)
    (key,) = keys(world)
    world.client("s3").delete_object(Bucket=BUCKET, Key=key)

    assert deploy(project, "--alias", "live") == [f"upload to s3://{BUCKET}/{key}"]
    assert keys(world) == [key]


def test_another_machine_deploys_what_lies_in_dist(
    project: Project, world: World, tmp_path: Path
) -> None:
    """Both files are handed over; the store of the machine that built them is not there."""
    taken = tmp_path / "taken"
    taken.mkdir()
    for name in ("app.zip", "app.packages.zip"):
        shutil.copy(project.folder / "dist" / name, taken)
    there = project.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty-store"))
    steps = deploy(there, *CREATE, "--zip", str(taken / "app.zip"))

    assert len(uploads(steps)) == 1


def test_code_never_goes_without_its_packages(
    project: Project, world: World, tmp_path: Path
) -> None:
    """Neither in the bucket nor here: refused before anything is changed, says what is missing."""
    (project.folder / "dist" / "app.packages.zip").unlink()
    there = project.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty-store"))
    done = there.run("deploy", *CREATE, "--zip", "dist/app.zip")

    assert done.returncode == 1, done.stderr
    assert f"its packages are neither in s3://{BUCKET}/imagekit/" in done.stderr
    assert "app.packages.zip" in done.stderr
    assert keys(world) == []


def test_a_plain_zip_leaves_no_packages_behind(project: Project) -> None:
    """What an earlier build left beside the ZIP belongs to no ZIP any more."""
    assert project.made() == ["app.packages.zip", "app.zip"]
    project.build("--packaging", "zip")

    assert project.made() == ["app.zip"]


def test_the_zip_holds_code_and_loader_alone(project: Project) -> None:
    """Your own files where they always lie; what the loader reads names bucket and key."""
    with zipfile.ZipFile(project.folder / "dist" / "app.zip") as archive:
        names = archive.namelist()
        told = json.loads(archive.read("imagekit_loader/bundle.json"))
    with zipfile.ZipFile(project.folder / "dist" / "app.packages.zip") as rest:
        packed = rest.namelist()

    assert names == [
        "app.imagekit.py",
        "app.py",
        "imagekit_loader/__init__.py",
        "imagekit_loader/bundle.json",
        "imagekit_loader/s3.py",
        "imagekit_loader/start.py",
    ]
    assert (told["bucket"], told["key"]) == (BUCKET, f"imagekit/{told['digest']}.zip")
    assert "demo/__init__.py" in packed


def test_the_same_bytes_again(project: Project, tmp_path: Path) -> None:
    """Another store, another time: the same ZIP and the same packages."""
    before = [(project.folder / "dist" / name).read_bytes() for name in project.made()]
    shutil.rmtree(project.folder / "dist")
    project.with_env(IMAGEKIT_CACHE_DIR=str(tmp_path / "empty-store"), TZ="Asia/Tokyo").build()

    assert [(project.folder / "dist" / name).read_bytes() for name in project.made()] == before


def test_a_bucket_must_be_named(project: Project) -> None:
    """Asked for by option as well as by key; the hint is what to write."""
    project.replace(f'bucket = "{BUCKET}"\n', "")
    done = project.run("build")

    assert done.returncode == 2
    assert "functions.app.bucket" in done.stderr
    assert 'hint: add `bucket = "NAME"`' in done.stderr


def test_tmp_must_hold_it(project: Project, wheels: Path, index: Index) -> None:
    """Said when it is planned, before anything is made, with the storage that would do."""
    make_wheel(wheels, "heavy", "1.0", {"heavy/zeros.bin": bytes(540_000_000)})
    write_pylock(project.folder, wheels.glob("*.whl"), index)
    done = project.run("build")
    assert done.returncode == 1, done.stderr
    assert "/tmp" in done.stderr
    assert "hint: write `lambda.storage = 640`" in done.stderr
    project.replace("[functions.app]", "[functions.app]\nlambda = { storage = 640 }")

    plan = json.loads(succeeded(project.run("plan", "--json")).stdout)["functions"][0]
    assert 540_000_000 < plan["unpacks"]["disk_bytes"] < 541_000_000


def test_a_compiled_handler_has_no_door(project: Project) -> None:
    """Nothing can run before a shared object: said with the key, before anything is made."""
    (project.folder / "native.so").write_bytes(b"\x7fELF")
    project.replace("app.handler", "native.handler")
    project.replace("[functions.app]", '[functions.app]\nsource = ["native.so"]')
    done = project.run("build")

    assert done.returncode == 2, done.stderr
    assert "functions.app.handler: 'native.handler' is no Python source" in done.stderr
    assert "hint: write a module in Python that imports it" in done.stderr


@pytest.mark.parametrize(
    ("packaging", "hint"),
    [("zip-nested", 'packaging = "zip-s3"'), ("zip-s3", 'hint: write `packaging = "image"`')],
)
def test_your_own_files_must_fit(project: Project, packaging: str, hint: str) -> None:
    """They stay in /var/task, where your code looks for them; what is heaviest is named."""
    with (project.folder / "model.bin").open("wb") as model:
        model.truncate(262_144_000)
    project.replace("[functions.app]", '[functions.app]\ninclude = ["model.bin"]')
    done = project.run("build", "--packaging", packaging)

    assert done.returncode == 1, done.stderr
    assert "source" in done.stderr
    assert hint in done.stderr
