"""Extensions on a base: what cannot work together, and what is worth a word."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from imagekit.model.base import Base
from imagekit.model.digest import Digest
from imagekit.model.extension import Extension, ExtensionFacts
from imagekit.plan.extensions import contradictions, overridden, remarks
from tests.plan.test_build_plan import base


def extension(name: str, *places: str, glibc: str | None = None, **packages: str) -> Extension:
    programs = tuple(place.partition("/")[2] for place in places if place.startswith("extensions/"))
    return Extension(
        name=name,
        reference=f"registry.example/{name}:1@{Digest.of(name.encode())}",
        digest=Digest.of(name.encode()),
        facts=ExtensionFacts(
            layers=(),
            programs=programs,
            places=places,
            packages=tuple(packages.items()),
            glibc=glibc,
        ),
    )


def with_packages(**packages: str) -> Base:
    found = base(client=True)
    return replace(found, facts=replace(found.facts, packages=tuple(packages.items())))


def test_two_that_share_nothing() -> None:
    """Each has its own program and its own folder."""
    both = (extension("a", "extensions/a", "a"), extension("b", "extensions/b", "b"))

    assert list(contradictions(both, base(client=True))) == []
    assert list(remarks(both, base(client=True))) == []


def test_one_name_for_two_programs() -> None:
    """The later layer hides the program of the first, which would never run."""
    both = (extension("a", "extensions/agent"), extension("b", "extensions/agent"))
    (what,) = contradictions(both, base(client=True))

    assert what.startswith("a and b bring /opt/extensions/agent")
    assert list(remarks(both, base(client=True))) == []


def test_a_shared_file_is_a_remark() -> None:
    """As with Lambda layers the later one wins, which may be meant."""
    three = (extension("a", "otel"), extension("b", "otel"), extension("c", "otel"))

    assert list(contradictions(three, base(client=True))) == []
    assert list(remarks(three, base(client=True))) == ["a, b and c fill /opt/otel: files of c win"]


def test_the_place_of_the_runtime_client_is_taken() -> None:
    """imagekit's own layer would lie over it."""
    (what,) = contradictions((extension("a", "imagekit"),), base(client=False), ("imagekit",))

    assert "runtime client" in what


@pytest.mark.parametrize(
    ("asked", "fits"), [(None, True), ("2.17", True), ("2.41", True), ("2.42", False)]
)
def test_the_glibc_of_the_base(asked: str | None, fits: bool) -> None:
    """A program that asks for a newer one does not start."""
    found = list(contradictions((extension("a", glibc=asked),), base(client=True)))

    assert (found == []) == fits
    assert fits or "asks for glibc 2.42; the base test has 2.41" in found[0]


def test_ten_programs_at_most() -> None:
    """Of all extensions together."""
    six = tuple(f"extensions/a{number}" for number in range(6))
    five = tuple(f"extensions/b{number}" for number in range(5))
    (what,) = contradictions((extension("a", *six), extension("b", *five)), base(client=True))

    assert what == "bring 11 programs; Lambda takes at most 10"
    assert not list(
        contradictions((extension("a", *six), extension("b", *five[1:])), base(client=True))
    )


def test_a_package_in_front_of_the_bases() -> None:
    """Said where the version is another one."""
    on = with_packages(six="1.17.0", boto3="1.40.1")
    found = (extension("a", six="1.16.0", boto3="1.40.1", only="1"),)

    assert list(remarks(found, on)) == ["a brings six 1.16.0, and the base test has 1.17.0"]
    assert overridden(found) == {
        "six": frozenset(["1.16.0"]),
        "boto3": frozenset(["1.40.1"]),
        "only": frozenset(["1"]),
    }
    assert overridden((*found, extension("b", six="1.17.0")))["six"] == {"1.16.0", "1.17.0"}
