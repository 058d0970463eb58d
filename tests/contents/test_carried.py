"""What travels with an image: enough to plan without the wheels, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.contents.carried import carried, is_measured, take_over
from imagekit.contents.measure import Measured, measure
from imagekit.contents.tops import tops_of
from imagekit.model.digest import Digest
from imagekit.model.package import Artifact, Package
from imagekit.model.slim import Slim
from imagekit.net.http import Request, Response
from imagekit.store import Store
from tests.services.wheels import make_wheel


class NoNetwork:
    """Nothing may be asked for."""

    def send(self, request: Request) -> Response:
        raise AssertionError(request.url)


def package(folder: Path, name: str, files: dict[str, bytes]) -> Package:
    wheel = make_wheel(folder, name, "1.0", files)
    artifact = Artifact(
        filename=wheel.name, url=wheel.as_uri(), digest=Digest.of(wheel.read_bytes())
    )
    return Package(name=name, version="1.0", wheel=artifact)


@pytest.fixture
def packages(tmp_path: Path) -> tuple[Package, ...]:
    return (
        package(tmp_path, "alpha", {"alpha/__init__.py": b"a = 1\n"}),
        package(tmp_path, "beta", {"beta.py": b"b = 22\n", "shared/x.py": b""}),
    )


def measured(packages: tuple[Package, ...], store: Store) -> Measured:
    return measure(packages, store, NoNetwork())


def test_a_store_that_takes_it_over_needs_no_wheel(
    tmp_path: Path, packages: tuple[Package, ...]
) -> None:
    """Weights and names at the root are those that were measured, with every wheel gone."""
    first, fresh = Store(tmp_path / "first"), Store(tmp_path / "fresh")
    weights = {one.name: one.unzipped_bytes for one in measured(packages, first).weights}
    tops = tops_of(packages, first)
    told = carried(packages, first)
    assert told is not None
    for package in packages:
        Path(package.wheel.url.removeprefix("file://")).unlink()

    assert not is_measured(packages, fresh)
    assert take_over(told, packages[::-1], fresh)
    assert is_measured(packages, fresh)
    assert {one.name: one.unzipped_bytes for one in measured(packages, fresh).weights} == weights
    assert tops_of(packages, fresh) == tops == {
        "alpha", "alpha-1.0.dist-info", "beta.py", "beta-1.0.dist-info", "shared",
    }  # fmt: skip
    assert carried(packages, fresh) == told


def test_nothing_travels_that_was_not_measured(
    tmp_path: Path, packages: tuple[Package, ...]
) -> None:
    """One package of two is not enough."""
    store = Store(tmp_path / "store")
    assert carried(packages, store) is None
    measured(packages[:1], store)
    assert carried(packages, store) is None
    measured(packages, store)
    assert carried(packages, store) is not None


def test_other_packages_take_nothing_over(tmp_path: Path, packages: tuple[Package, ...]) -> None:
    """Another wheel of the same version, one package less, or words that make no sense."""
    store, fresh = Store(tmp_path / "store"), Store(tmp_path / "fresh")
    measured(packages, store)
    tops_of(packages, store)
    told = carried(packages, store)
    assert told is not None
    (tmp_path / "other").mkdir()
    other = package(tmp_path / "other", "beta", {"beta.py": b"another\n"})

    assert not take_over(told, (packages[0], other), fresh)
    assert not take_over(told, packages[:1], fresh)
    assert not take_over({**told, "weights": [["alpha", "1.0", "12", 1]]}, packages, fresh)
    assert not take_over({**told, "weights": told["weights"][:1]}, packages, fresh)  # type: ignore[index]
    assert not take_over({}, packages, fresh)
    assert not is_measured(packages, fresh)


def test_another_profile_is_another_weight(tmp_path: Path, packages: tuple[Package, ...]) -> None:
    """What an image of slimmed packages tells is not taken for whole ones, nor the other way."""
    safe = tuple(replace(one, slim=Slim(profile="safe")) for one in packages)
    first, fresh = Store(tmp_path / "first"), Store(tmp_path / "fresh")
    measured(safe, first)
    told = carried(safe, first)

    assert told is not None
    assert not take_over(told, packages, fresh)
    assert take_over(told, safe, fresh)
    assert not is_measured(packages, fresh)
