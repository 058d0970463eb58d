"""A fresh runner's release: an empty store, unchanged dependencies, and how long it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.world import ROLE, Clock, World
from tests.e2e.projects import Project, write_pylock
from tests.services.cli import succeeded
from tests.services.ecr_front import EcrFront
from tests.services.index import Index
from tests.services.lambda_front import LambdaFront, lambda_front
from tests.services.wheels import make_wheel

TARGET_SECONDS = 2.0
CI_SECONDS = 8.0
"""Whatever else the machine does meanwhile."""


@pytest.fixture
def functions(moto: str, aws: EcrFront) -> Iterator[LambdaFront]:
    """Lambda with an empty account, and the role that functions run as."""
    with lambda_front(moto) as front:
        World(moto=moto, front=front, clock=Clock()).role()
        yield front


@pytest.fixture
def released(in_ecr: Project, wheels: Path, index: Index, functions: LambdaFront) -> Project:
    """Three packages with bytecode on AWS's base image, released once."""
    make_wheel(wheels, "alpha", "1.0", {"alpha.py": b"A = 1\n", "alpha.bin": os.urandom(300_000)})
    make_wheel(wheels, "beta", "1.0", {"beta.py": b"B = 1\n" * 2000})
    write_pylock(in_ecr.folder, wheels.glob("*.whl"), index)
    in_ecr.replace("bytecode = false", "bytecode = true")
    found = in_ecr.with_env(AWS_ENDPOINT_URL_LAMBDA=functions.url)
    succeeded(found.run("lock"))
    succeeded(found.run("release", "--create", "--role", ROLE, "--alias", "live"))
    return found


def test_a_code_change_from_an_empty_store(
    released: Project,
    index: Index,
    functions: LambdaFront,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole command, interpreter and all: the index is not asked, and it takes no 2 s."""
    index.forget()
    took: list[float] = []
    for number in range(3):
        text = f"import demo\n\n\ndef handler(event, context):\n    return {number}\n"
        (released.folder / "app.py").write_text(text, encoding="utf-8")
        store = str(tmp_path / f"fresh{number}")
        began = time.monotonic()
        done = released.run("release", "--alias", "live", env={"IMAGEKIT_CACHE_DIR": store})
        took.append(time.monotonic() - began)
        assert f"live {number + 1}→{number + 2}" in succeeded(done).stderr

    with capsys.disabled():
        shown = ", ".join(f"{one:.2f}" for one in took)
        print(f"\nrelease from an empty store: {shown} s (wanted: {TARGET_SECONDS:.0f})")
    assert not index.requests
    assert min(took) < CI_SECONDS
