"""What would make a ZIP fit, with what it saves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from imagekit.contents.measure import measure
from imagekit.contents.slim.dress import slimmed
from imagekit.model.advice import Way, way_json
from imagekit.model.package import Package
from imagekit.model.slim import SlimSettings
from imagekit.plan.advice import Contents, wanted_files, ways
from imagekit.plan.optional_parts import OPTIONAL_PARTS
from imagekit.project.patterns import Patterns
from imagekit.store import Store
from tests.contents.support import nobody, package
from tests.services.wheels import make_wheel

MB = 1_000_000
SAFE = SlimSettings()
PYARROW = {
    "pyarrow/__init__.py": b"",
    "pyarrow/libarrow.so.2600": bytes(20 * MB),
    "pyarrow/libarrow_flight.so.2600": bytes(8 * MB),
    "pyarrow/_flight.cpython-313-x86_64-linux-gnu.so": bytes(MB),
    "pyarrow/libarrow_s3.so.2600": bytes(4 * MB),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    make_wheel(folder, "pyarrow", "26.0.1", PYARROW)
    make_wheel(folder, "boto3", "1.0", {"boto3/__init__.py": b""})
    make_wheel(folder, "botocore", "1.0", {"botocore/data/s3/x.json": bytes(2 * MB)})
    make_wheel(folder, "other", "1.0", {"other/tests/t.bin": bytes(3 * MB), "other/o.py": b""})
    return folder


def packages_of(wheels: Path, slim: SlimSettings = SAFE) -> tuple[Package, ...]:
    return slimmed([package(wheel) for wheel in sorted(wheels.glob("*.whl"))], slim)


def total_bytes(wheels: Path, slim: SlimSettings, store: Store) -> int:
    return measure(packages_of(wheels, slim), store, nobody()).unzipped_bytes


def advised(wheels: Path, store: Store, *, room: int, slim: SlimSettings = SAFE) -> tuple[Way, ...]:
    """Advice for a ZIP of these wheels that is `room` bytes below its limit, or above it."""
    from imagekit.contents.facts import wheel_facts

    packages = packages_of(wheels, slim)
    measured = measure(packages, store, nobody())
    files = {}
    for one in wanted_files(packages, slim):
        facts = wheel_facts(one, store)
        assert facts is not None
        files[one.name] = [(file.path, file.size_bytes) for file in facts.files]
    contents = Contents(
        packages=packages,
        weights={one.name: one.unzipped_bytes for one in measured.weights},
        files=files,
        source_bytes=0,
        limit_bytes=measured.unzipped_bytes + room,
    )
    return ways(contents, slim)


def written(way: Way) -> dict[str, tuple[str, ...]]:
    """The keys that a way says to write, as the configuration would read them."""
    lines = (line.partition(" = ") for line in way.write)
    return {key: tuple(json.loads(value)) for key, _, value in lines}


def test_an_optional_part_is_named_with_what_it_saves_and_costs(wheels: Path, store: Store) -> None:
    """The one that suffices comes first, with a pattern to type."""
    first, *_ = advised(wheels, store, room=-5 * MB)

    assert first.what == "pyarrow 26.0.1 (33 MB) without its Flight client"
    assert (first.fits, first.costs) == (True, "pyarrow.flight")
    assert first.saves_bytes is not None
    assert first.saves_bytes > 9 * MB


def test_what_is_written_saves_exactly_what_was_said(wheels: Path, store: Store) -> None:
    """To the byte, RECORD's rows included: the same rules decide about the build."""
    before = total_bytes(wheels, SAFE, store)
    way = next(one for one in advised(wheels, store, room=-5 * MB) if "Flight" in one.what)

    after = total_bytes(wheels, replace(SAFE, drop=written(way)["drop"]), store)

    assert after == way.total_bytes
    assert before - after == way.saves_bytes


def test_as_many_together_as_it_takes(wheels: Path, store: Store) -> None:
    """Where no way does it alone: the largest first, each key written once."""
    first, *_ = advised(wheels, store, room=-11 * MB)

    assert first.fits
    assert "Flight" in first.what
    assert "S3 client" in first.what
    assert "runtime" not in first.what
    (line,) = first.write
    assert line.startswith('drop = ["pyarrow/libarrow_flight.so*"')
    assert total_bytes(wheels, replace(SAFE, drop=written(first)["drop"]), store) == (
        first.total_bytes
    )


def test_what_the_runtime_brings_need_not_be_shipped(wheels: Path, store: Store) -> None:
    """Its versions are then the runtime's, which is said."""
    way = next(one for one in advised(wheels, store, room=-MB) if "runtime" in one.what)

    assert written(way) == {"provided": ("boto3", "botocore")}
    assert "versions" in way.costs


def test_what_is_written_already_stays(wheels: Path, store: Store) -> None:
    """A list that is typed replaces the one in the file."""
    slim = replace(SAFE, drop=("mine/**",), provided=("six",), exclude_packages=("gone",))

    found = [written(way) for way in advised(wheels, store, room=-30 * MB, slim=slim)]

    keys = [key for way in found for key in way.items() if key[0] != "slim"]
    assert keys
    for key, values in keys:
        first = {"drop": "mine/**", "provided": "six", "exclude_packages": "gone"}[key]
        assert values[0] == first


def test_slimming_is_advised_where_it_is_off(wheels: Path, store: Store) -> None:
    """Exact as well: paths alone decide."""
    off = replace(SAFE, profile="off")

    way = next(
        one for one in advised(wheels, store, room=-MB, slim=off) if one.write == ('slim = "safe"',)
    )

    assert way.total_bytes == total_bytes(wheels, SAFE, store)


def test_symbols_are_no_promise(wheels: Path, store: Store) -> None:
    """How much they weigh is in the files, not in the directory: nothing is said to fit."""
    way = next(one for one in advised(wheels, store, room=-MB) if one.write == ('slim = "max"',))

    assert (way.saves_bytes, way.fits) == (None, False)
    off = advised(wheels, store, room=-MB, slim=replace(SAFE, profile="max"))
    assert not any(one.write == ('slim = "max"',) for one in off)


def test_whole_packages_come_last(wheels: Path, store: Store) -> None:
    """And only those without which it fits."""
    last = advised(wheels, store, room=-20 * MB)[-1]

    assert written(last) == {"exclude_packages": ("pyarrow",)}
    assert last.costs == "whatever imports it"


def test_a_part_of_a_few_bytes_is_not_worth_a_line(tmp_path: Path, store: Store) -> None:
    """A package that has the name, and not the weight."""
    make_wheel(tmp_path / "w", "pyarrow", "1.0", {"pyarrow/libarrow_flight.so": b"x"})

    assert not any("Flight" in way.what for way in advised(tmp_path / "w", store, room=-1))


def test_every_pattern_names_files_of_its_package() -> None:
    """Read as the key `drop` reads it; none climbs or is absolute."""
    for part in OPTIONAL_PARTS:
        assert Patterns.of(part.drop)
        assert not any(one.startswith(("/", "!")) or ".." in one for one in part.drop)


def test_the_json_form_leaves_out_what_costs_nothing() -> None:
    """Programs read `write` as a list of lines."""
    way = Way(what="x", write=('slim = "safe"',), saves_bytes=1, total_bytes=2, fits=True)

    assert way_json(way) == {
        "what": "x",
        "write": ['slim = "safe"'],
        "saves_bytes": 1,
        "total_bytes": 2,
        "fits": True,
    }
