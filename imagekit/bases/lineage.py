"""A base on a base on a base: every one of them is there, none lies on itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from imagekit.bases.definition import Definition, OtherBase, Source
from imagekit.model.errors import ConfigError, Problem


def require_lineage(definition: Definition, source: Callable[[str], Source]) -> None:
    """What the definition starts from is there, down to the last; `source` finds bases by name.

    ConfigError for a name that is none, for a circle, and for another Python than below is said.
    """
    seen = [definition.name]
    for child, parent in _steps(definition, source):
        if not isinstance(parent, Definition):
            return
        if parent.name in seen:
            circle = " → ".join((*seen, parent.name))
            what = f"a base cannot lie on itself: {circle}"
            raise _problem(child, "from", what, "start one of them from an image or from debian")
        if None not in (definition.python, parent.python) and definition.python != parent.python:
            what = f"says {definition.python}, and {parent.name}, on which it lies, {parent.python}"
            raise _problem(definition, "python", what, "leave `python` out")
        seen.append(parent.name)


def beneath(definition: Definition, source: Callable[[str], Source]) -> Iterator[Definition]:
    """The definitions of the bases that this one lies on, the nearest first."""
    for _, parent in _steps(definition, source):
        if isinstance(parent, Definition):
            yield parent


def _steps(
    definition: Definition, source: Callable[[str], Source]
) -> Iterator[tuple[Definition, Source]]:
    """Each base with the one that it starts from, by name."""
    child: Source = definition
    while isinstance(child, Definition) and isinstance(child.origin, OtherBase):
        parent = _found(child, child.origin, source)
        yield child, parent
        child = parent


def _found(child: Definition, origin: OtherBase, source: Callable[[str], Source]) -> Source:
    try:
        return source(origin.name)
    except ConfigError as error:
        # What is wrong in the parent's own file is told as it is.
        problems = tuple(
            Problem(f"{child.path}: from", one.what) if one.where == "base" else one
            for one in error.problems
        )
        raise ConfigError(problems=problems, hint=error.hint) from None


def _problem(definition: Definition, key: str, what: str, hint: str) -> ConfigError:
    return ConfigError(problems=(Problem(f"{definition.path}: {key}", what),), hint=hint)
