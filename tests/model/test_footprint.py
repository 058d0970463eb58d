"""What an artefact weighs, counted by the path alone."""

from __future__ import annotations

import json

import pytest

from imagekit.model.footprint import (
    CATEGORIES,
    WORDS,
    Amount,
    Footprint,
    LayerFootprint,
    PackageFootprint,
    category,
    footprint_json,
    tally,
    together,
    total,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("numpy/__init__.py", "python"),
        ("numpy/__init__.pyi", "python"),
        ("numpy/__pycache__/x.cpython-313.pyc", "bytecode"),
        ("numpy/core/_multiarray.cpython-313-x86_64-linux-gnu.so", "libraries"),
        ("numpy.libs/libopenblas-1a2b.so.0.3.21", "libraries"),
        ("pyarrow/libarrow.so.2100", "libraries"),
        ("botocore/data/s3/2006-03-01/service-2.json.gz", "data"),
        ("include/x.h", "data"),
        ("numpy/tests/test_x.py", "tests"),
        ("numpy/tests/__pycache__/test_x.cpython-313.pyc", "tests"),
        ("numpy/test/data.csv", "tests"),
        ("x/conftest.py", "tests"),
        ("x/core_test.py", "tests"),
        ("numpy/testing/__init__.py", "python"),
        ("contest/latest.py", "python"),
        ("numpy-2.5.5.dist-info/RECORD", "metadata"),
        ("numpy-2.5.5.dist-info/licenses/tests/LICENSE", "metadata"),
        ("usr/lib/python3/dist-packages/six-1.egg-info", "metadata"),
        ("bin/ruff", "data"),
        ("social.solution", "data"),
    ],
)
def test_a_path_tells_its_category(path: str, expected: str) -> None:
    """Tests keep their bytecode, metadata its licences; `testing` is an interface, no test."""
    assert category(path) == expected


def test_the_projects_own_python_is_its_own_code() -> None:
    """Own data, tests and libraries are still that: they are what could be left out."""
    paths = ("app.py", "models/m.joblib", "tests/test_app.py", "fast.so")

    found = [category(path, own=True) for path in paths]

    assert found == ["own", "data", "tests", "libraries"]


def test_a_tally_counts_every_file_once() -> None:
    """In the order of the categories, whatever the order of the files; none that is empty."""
    files = [("a.so", 5), ("a.py", 1), ("b.py", 2), ("a-1.dist-info/RECORD", 7)]

    found = tally(files)

    assert found == (
        ("python", Amount(3, 2)),
        ("libraries", Amount(5, 1)),
        ("metadata", Amount(7, 1)),
    )
    assert total(found) == Amount(15, 4)
    assert together([found, tally(reversed(files))])[0] == ("python", Amount(6, 4))


def _footprint() -> Footprint:
    numpy = PackageFootprint(
        name="numpy", version="2.5.5", categories=tally([("a.so", 60), ("a.py", 1)])
    )
    six = PackageFootprint(name="six", version="1.17.0", categories=tally([("six.py", 4)]))
    source = PackageFootprint(name="source", own=True, categories=tally([("app.py", 9)], own=True))
    return Footprint(
        name="scoring",
        packaging="zip",
        limit_bytes=100,
        layers=(
            LayerFootprint(name="numpy", kind="packages", packages=(numpy,), digest="sha256:0"),
            LayerFootprint(name="shared", kind="packages", packages=(six, numpy)),
            LayerFootprint(name="source", kind="source", packages=(source,)),
        ),
    )


def test_layers_packages_and_categories_add_up() -> None:
    """Whichever way one adds, the artefact weighs the same."""
    found = _footprint()

    assert found.amount == Amount(135, 6)
    assert sum(layer.amount.unzipped_bytes for layer in found.layers) == 135
    assert sum(package.amount.unzipped_bytes for package in found.packages) == 135
    assert dict(found.categories)["own"] == Amount(9, 1)


def test_a_package_in_two_layers_is_one_package() -> None:
    """The heaviest first."""
    assert [(one.label, one.amount.files) for one in _footprint().packages] == [
        ("numpy 2.5.5", 4),
        ("source", 1),
        ("six 1.17.0", 1),
    ]


def test_the_json_form_holds_layers_packages_and_categories() -> None:
    """A report reads it without knowing imagekit; what is not known is left out."""
    document = json.loads(json.dumps(footprint_json(_footprint())))

    assert document["unzipped_bytes"] == 135
    assert document["categories"]["libraries"] == {"unzipped_bytes": 120, "files": 2}
    first, second, last = document["layers"]
    assert (first["digest"], "digest" in second) == ("sha256:0", False)
    assert first["packages"][0]["categories"]["libraries"]["unzipped_bytes"] == 60
    assert (last["packages"][0]["own"], "version" in last["packages"][0]) == (True, False)


def test_every_category_has_a_word() -> None:
    """For people, in the same order."""
    assert tuple(WORDS) == CATEGORIES
