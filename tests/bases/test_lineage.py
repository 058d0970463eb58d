"""A base on a base: what may lie on what."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagekit.bases.definition import DebianOrigin, Definition, Origin, OtherBase, Source
from imagekit.bases.lineage import beneath, require_lineage
from imagekit.model.errors import ConfigError, Problem
from imagekit.model.reference import Reference

IMAGE = Reference.parse("one.example/base:1")


def defined(name: str, origin: Origin | str, python: str | None = None) -> Definition:
    start = OtherBase(origin) if isinstance(origin, str) else origin
    return Definition(
        name=name, path=Path(name, "base.toml"), origin=start, python=python, listed=None
    )


class World:
    """Bases by name, as the project has them."""

    def __init__(self, *definitions: Definition, **references: Reference) -> None:
        self.known: dict[str, Source] = {one.name: one for one in definitions}
        self.known |= references

    def source(self, name: str) -> Source:
        if name not in self.known:
            raise ConfigError(problems=(Problem("base", f"no {name}"),), hint="did you mean a?")
        return self.known[name]


def refused(definition: Definition, *others: Definition) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        require_lineage(definition, World(definition, *others).source)
    return caught.value


def test_any_depth_is_fine() -> None:
    """Down to an image, to Debian, or to a published base."""
    one, two = defined("one", "two"), defined("two", "three")
    three = defined("three", DebianOrigin(suite="trixie", packages=("python3.13",)))

    require_lineage(one, World(two, three).source)
    require_lineage(one, World(two, defined("three", IMAGE)).source)
    require_lineage(one, World(two, three=IMAGE).source)
    assert [each.name for each in beneath(one, World(two, three).source)] == ["two", "three"]
    assert [each.name for each in beneath(one, World(two, three=IMAGE).source)] == ["two"]


def test_a_circle_is_refused() -> None:
    """With every name on the way, and the file that closes it."""
    error = refused(defined("one", "two"), defined("two", "three"), defined("three", "one"))

    (problem,) = error.problems
    assert problem.where == f"{Path('three', 'base.toml')}: from"
    assert problem.what == "a base cannot lie on itself: one → two → three → one"


def test_an_unknown_parent_is_told_where_it_is_named() -> None:
    """Not as the `base` of a function, with the hint of what is near."""
    error = refused(defined("one", "two"), defined("two", "three"))

    assert error.problems == (Problem(f"{Path('two', 'base.toml')}: from", "no three"),)
    assert error.hint == "did you mean a?"


def test_another_python_than_below_is_refused() -> None:
    """However far below it stands."""
    error = refused(
        defined("one", "two", "3.13"), defined("two", "three"), defined("three", IMAGE, "3.12")
    )

    (problem,) = error.problems
    assert problem.where == f"{Path('one', 'base.toml')}: python"
    assert problem.what == "says 3.13, and three, on which it lies, 3.12"
    assert error.hint == "leave `python` out"
