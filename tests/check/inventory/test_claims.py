"""Whose a file is, by what RECORDs claim."""

from __future__ import annotations

import pytest

from imagekit.check.inventory.claims import Owner, claims, is_record, owner_of

NUMPY = Owner("numpy", "2.5.5")
RECORD = "var/task/numpy-2.5.5.dist-info/RECORD"
TEXT = 'numpy/core.py,sha256=x,1\n"a,b.txt",,\n../../usr/bin/f2py,,\n'


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("var/task/numpy/core.py", NUMPY),
        ("var/task/a,b.txt", NUMPY),
        ("usr/bin/f2py", NUMPY),
        ("var/task/numpy/__pycache__/core.cpython-313.pyc", NUMPY),
        ("var/task/numpy/__pycache__/core.cpython-313.opt-1.pyc", NUMPY),
        ("var/task/numpy/core.pyc", NUMPY),
        ("var/task/numpy-2.5.5.dist-info/INSTALLER", NUMPY),
        ("var/task/numpy/other.py", None),
        ("var/task/numpy/__pycache__/other.cpython-313.pyc", None),
        ("opt/numpy-2.5.5.dist-info/INSTALLER", None),
    ],
)
def test_a_record_claims_its_files_and_what_came_of_them(path: str, owner: Owner | None) -> None:
    """By name wherever they lie, their bytecode, and all of its metadata; nothing else."""
    assert owner_of(path, dict(claims(RECORD, TEXT))) == owner


def test_names_are_normalised() -> None:
    """Folders spell them as the wheel was spelt (PEP 503)."""
    (_, owner), *_ = claims("Foo_Bar.baz-1.0.dist-info/RECORD", "")

    assert owner == Owner("foo-bar-baz", "1.0")


def test_a_broken_record_claims_what_can_be_read() -> None:
    """Other tools write RECORDs, too: a bad line is no reason to stop."""
    text = 'good.py,,\n"bad' + "x" * 200_000 + "\n"

    assert owner_of("var/task/good.py", dict(claims(RECORD, text))) == NUMPY


def test_only_a_distributions_own_record_counts() -> None:
    """Not a file that has its name elsewhere."""
    paths = [RECORD, "x.dist-info/RECORD", "RECORD", "a-1.dist-info/sub/RECORD"]

    assert [is_record(path) for path in paths] == [True, False, False, False]
