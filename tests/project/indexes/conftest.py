"""Fixtures of the tests of indexes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project.indexes.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A machine on which nothing is set up."""
    return World(tmp_path)
