"""Fixtures of the end-to-end tests: an index on loopback, and projects over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.projects import Project, copy_example, write_project, write_pylock
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront
from tests.services.ecr_registry import EcrRegistry
from tests.services.index import Index
from tests.services.wheels import make_wheel


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
