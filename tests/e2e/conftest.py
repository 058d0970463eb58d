"""Fixtures of the end-to-end tests: an index on loopback, and projects over it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bases.fake import GLIBC
from tests.deploy.world import Clock, World
from tests.e2e.projects import Project, copy_example, write_project, write_pylock
from tests.e2e.releasing import Cloud, Runner, code
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront
from tests.services.ecr_registry import EcrRegistry
from tests.services.images import layer_of, put_image
from tests.services.index import Index
from tests.services.lambda_front import LambdaFront, lambda_front
from tests.services.wheels import make_wheel

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """uv's cache, the user's own left alone."""
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture(scope="session")
def scoring_index(scoring_wheels: Path, runtime_client: Path) -> Iterator[Index]:
    """An index of the real wheels of scoring and of the runtime client."""
    with Index(scoring_wheels, runtime_client) as index:
        yield index


@pytest.fixture
def uv_env(uv_cache: Path) -> Callable[[Index], dict[str, str]]:
    """What a user sets so that uv asks this index, and nobody else."""

    def env(index: Index) -> dict[str, str]:
        return {
            "UV_DEFAULT_INDEX": index.url,
            "UV_CACHE_DIR": str(uv_cache),
            "UV_PYTHON_DOWNLOADS": "never",
        }

    return env


@pytest.fixture
def scoring(
    tmp_path: Path,
    scoring_index: Index,
    debian_base: str,
    uv_env: Callable[[Index], dict[str, str]],
) -> Project:
    """examples/scoring on the Debian base of the registry, its wheels on loopback."""
    scoring_index.forget()
    folder = copy_example("scoring", tmp_path, base=debian_base)
    return Project(folder=folder, env=uv_env(scoring_index))


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder for made wheels, with `demo` in it."""
    folder = tmp_path / "wheels"
    make_wheel(folder, "demo", "1.0", {"demo/__init__.py": b"ANSWER = 42\n"})
    return folder


@pytest.fixture
def index(wheels: Path) -> Iterator[Index]:
    """An index over `wheels`."""
    with Index(wheels) as served:
        yield served


@pytest.fixture
def zipped(
    tmp_path: Path, wheels: Path, index: Index, uv_env: Callable[[Index], dict[str, str]]
) -> Project:
    """A small ZIP project over `demo`; nothing in it needs a base."""
    folder = write_project(
        tmp_path / "project", keys={"python": "3.13", "packaging": "zip", "bytecode": False}
    )
    write_pylock(folder, wheels.glob("*.whl"), index)
    return Project(folder=folder, env=uv_env(index))


@pytest.fixture
def imaged(zipped: Project, aws_base: str) -> Project:
    """The same as an image on a base with AWS's entry point."""
    zipped.replace('packaging = "zip"', f'packaging = "image"\nbase = "{aws_base}"')
    return zipped


@pytest.fixture
def in_ecr(imaged: Project, aws: EcrFront) -> Project:
    """The same image, which goes to `team/app` of the caller's own ECR."""
    imaged.replace('packaging = "image"', 'repository = "team/{function}"\npackaging = "image"')
    succeeded(imaged.run("lock"))
    return imaged.with_env(**aws.env)


@pytest.fixture
def ecr(aws: EcrFront) -> EcrRegistry:
    """The caller's own registry."""
    return aws.registry()


@pytest.fixture
def functions(moto: str, aws: EcrFront) -> Iterator[LambdaFront]:
    """Lambda with an empty account, and the role that functions run as."""
    with lambda_front(moto) as front:
        World(moto=moto, front=front, clock=Clock()).role()
        yield front


@pytest.fixture
def cloud(moto: str, aws: EcrFront, ecr: EcrRegistry) -> Iterator[Cloud]:
    """AWS with an empty account, and the role that functions run as."""
    with lambda_front(moto) as front:
        world = World(moto=moto, front=front, clock=Clock())
        world.role()
        yield Cloud(aws=aws, world=world)


@pytest.fixture
def tiny_base(registry: str, tmp_path: Path) -> str:
    """A base of a few bytes: a Python, a glibc and a runtime client, as far as files tell."""
    python = ".".join(map(str, sys.version_info[:3]))
    files: dict[str, bytes | str] = {
        "lib": "usr/lib",
        "lib64": "usr/lib64",
        "usr/bin/python3": f"python{PYTHON}",
        f"usr/bin/python{PYTHON}": b"\x7fELF\x02\x01\x01" + f"\0{python}\0".encode() + bytes(120),
        "usr/lib/x86_64-linux-gnu/libc.so.6": GLIBC,
        "var/runtime/bootstrap": b"#!/bin/sh\n",
    }
    layer = layer_of(files, tmp_path, {f"usr/bin/python{PYTHON}": 0o755})
    config = {"Env": ["PATH=/usr/bin"], "Entrypoint": ["/var/runtime/bootstrap"]}
    return put_image(registry, "tiny:1", [layer], config).partition("@")[0] + ":1"


@pytest.fixture
def runner(
    tiny_base: str, cloud: Cloud, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Runner:
    """A small project, released once; each release below is by a machine with an empty disk."""
    keys = {
        "base": tiny_base,
        "python": PYTHON,
        "packaging": "image",
        "bytecode": False,
        "repository": "team/{function}",
    }
    folder = write_project(tmp_path / "project", keys=keys, files={"app.py": code(0)})
    write_pylock(folder, wheels.glob("*.whl"))
    env = {**cloud.aws.env, "AWS_ENDPOINT_URL_LAMBDA": cloud.world.front.url}
    succeeded(Project(folder=folder, env=env).run("lock"))
    for name, value in env.items():
        monkeypatch.setenv(name, value)  # botocore reads some of them by itself
    found = Runner(folder=folder, environ=env, stores=tmp_path / "machines")
    first = found.release(found.machine())
    assert first.status == 0, first
    return found
