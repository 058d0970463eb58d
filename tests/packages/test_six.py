"""Six well-known packages work after slimming; `make packages` tries all of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.packages.catalogue import IN_CI, SUBJECTS
from tests.packages.trial import Bench, CannotTry
from tests.services import needs
from tests.services.needs import USER_ENVIRON

BY_NAME = {subject.name: subject for subject in SUBJECTS}


@pytest.fixture
def bench(test_cache: Path, tmp_path: Path) -> Bench:
    """Wheels come from the user's own index, and are kept between runs."""
    needs.needs("packages", "uv")
    return Bench(environ=USER_ENVIRON, cache=test_cache / "packages", folder=tmp_path)


def test_the_catalogue_is_what_was_promised() -> None:
    """Twenty at least, each once; six of them in CI."""
    assert len(BY_NAME) == len(SUBJECTS) >= 20
    assert len(set(IN_CI) & BY_NAME.keys()) == 6


@pytest.mark.parametrize("name", IN_CI)
def test_a_package_works_after_safe_and_after_max(name: str, bench: Bench) -> None:
    """Locked by uv, built into a ZIP, unpacked, imported and exercised by CPython 3.13 alone."""
    try:
        outcome = bench.tried(BY_NAME[name], ("safe", "max"))
    except CannotTry as error:
        needs.leave_out("packages", str(error))
    needs.have("packages", f"{len(IN_CI)} of {len(SUBJECTS)} in the catalogue")

    assert outcome.failures == {}
    assert outcome.version
    assert outcome.unzipped_bytes["max"] <= outcome.unzipped_bytes["safe"]


def test_the_trial_can_fail(bench: Bench) -> None:
    """A package that lost a file it needs is told, and so is one that was never there."""
    whole = BY_NAME["pyyaml"]
    broken = replace(whole, exercise="import yaml.gone")

    try:
        outcome = bench.tried(broken, ("max",))
    except CannotTry as error:
        needs.leave_out("packages", str(error))

    assert "No module named 'yaml.gone'" in outcome.failures["max"]
