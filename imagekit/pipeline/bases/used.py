"""Which bases the functions of a project use, as configuration and lock say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from imagekit.bases.definition import FILE, FOLDER
from imagekit.model.errors import UsageError
from imagekit.model.target import Architecture
from imagekit.project.config import FunctionConfig, ProjectConfig
from imagekit.project.lock_values import ImagekitLock


class Use(Struct, frozen=True, kw_only=True):
    """One architecture of a base, and the functions that are images on it."""

    name: str
    architecture: Architecture
    functions: tuple[FunctionConfig, ...]


def base_name(function: FunctionConfig) -> str | None:
    """The base of a function: AWS's own for its Python where it names none."""
    if function.base is not None:
        return function.base
    return f"python{function.python}" if function.python else None


def uses(project: ProjectConfig, lock: ImagekitLock) -> tuple[Use, ...]:
    """Every base and architecture that a function needs; sorted. A ZIP has no base."""
    found: dict[tuple[str, Architecture], list[FunctionConfig]] = {}
    for function in project.functions:
        name = base_name(function)
        for architecture in function.architectures:
            if name is not None and not _is_zip(function, architecture, lock):
                found.setdefault((name, architecture), []).append(function)
    return tuple(
        Use(name=name, architecture=architecture, functions=tuple(functions))
        for (name, architecture), functions in sorted(found.items(), key=lambda item: item[0])
    )


def made_here(project: ProjectConfig, lock: ImagekitLock) -> tuple[Use, ...]:
    """The bases of this project's own `base_images/` that were made, and no function here uses."""
    known = {(use.name, use.architecture) for use in uses(project, lock)}
    own = {
        path.parent.name
        for root in (project.root, *project.members)
        for path in (root / FOLDER).glob(f"*/{FILE}")
    }
    return tuple(
        Use(name=pin.name, architecture=pin.architecture, functions=())
        for pin in lock.bases
        if pin.name in own and (pin.name, pin.architecture) not in known
    )


def require_used(project: ProjectConfig, names: Sequence[str]) -> None:
    """Each name is a base or an extension of some function; else UsageError."""
    known = sorted(set(_names(project)))
    for name in names:
        if name not in known:
            raise UsageError(
                what=f"no function uses a base or extension called {name!r}",
                hint=_hint(name, known, project),
            )


def _is_zip(function: FunctionConfig, architecture: Architecture, lock: ImagekitLock) -> bool:
    if function.packaging != "auto":
        return function.packaging != "image"
    verdict = lock.packaging(function.name, architecture)
    return verdict is not None and verdict.packaging == "zip"


def _names(project: ProjectConfig) -> Iterator[str]:
    for function in project.functions:
        yield from function.extensions
        if name := base_name(function):
            yield name


def _hint(name: str, known: Sequence[str], project: ProjectConfig) -> str:
    from difflib import get_close_matches

    if any(function.name == name for function in project.functions):
        return f"imagekit lock {name} --upgrade-base"
    near = get_close_matches(name, known, n=1) or known[:1]
    return f"imagekit lock --upgrade-base {near[0]}" if near else "imagekit lock"
