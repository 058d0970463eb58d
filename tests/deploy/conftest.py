"""Fixtures of deployments: moto once, everything in it anew for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.world import Clock, World
from tests.services.lambda_front import LambdaFront, lambda_front
from tests.services.moto import forget


@pytest.fixture
def front(moto: str) -> Iterator[LambdaFront]:
    """Lambda with an empty account."""
    forget(moto)
    with lambda_front(moto) as served:
        yield served


@pytest.fixture
def world(moto: str, front: LambdaFront, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An account with a role and nothing else; botocore finds no credentials but the test's."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    found = World(moto=moto, front=front, clock=Clock())
    found.role()
    return found
