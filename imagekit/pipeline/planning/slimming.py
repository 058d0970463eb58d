"""Which packages of a lock go into an artefact, and what is left out of each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imagekit.contents.measure import known_weights
from imagekit.contents.slim.dress import (
    RUNTIME_BRINGS,
    slimmed,
    unknown_names,
    without_excluded,
    without_provided,
)
from imagekit.model.base import Base
from imagekit.model.errors import ConfigError, Problem
from imagekit.model.package import Package
from imagekit.model.slim import LeftOut, Slimmed, SlimSettings
from imagekit.project.config import FunctionConfig
from imagekit.store import Store


class Chosen(Struct, frozen=True, kw_only=True):
    """The packages of one artefact, slimmed, and those of the lock that are not in it."""

    packages: tuple[Package, ...]
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    """What may be a mistake; the artefact is right all the same."""

    def slimmed(self, settings: SlimSettings, store: Store, packages: Sequence[Package]) -> Slimmed:
        """What slimming did to `packages`, which were measured."""
        measured = known_weights(packages, store)
        return Slimmed(
            profile=settings.profile,
            saved=measured.saved if measured else (),
            left_out=self.left_out,
        )


def chosen(locked: Sequence[Package], function: FunctionConfig, base: Base | None) -> Chosen:
    """What `function` takes of its lock: into an image on `base`, or into a ZIP.

    ConfigError for names that no package has, and for what Lambda's runtime does not bring.
    """
    settings = function.slim
    brings = dict(base.facts.packages) if base else RUNTIME_BRINGS
    unknown = [what for _, what in unknown_names(settings.exclude_packages, locked)]
    wrong = list(_wrong_names(function, unknown, for_zip=base is None))
    if wrong:
        hints = dict.fromkeys(hint for _, hint in wrong)
        raise ConfigError(problems=tuple(one for one, _ in wrong), hint="; ".join(hints))
    kept, excluded = without_excluded(locked, settings)
    who = f"the base {base.name}" if base else "the runtime"
    kept, provided = without_provided(kept, settings, brings, who)
    warnings = [f"exclude_packages: {what}" for what in unknown]
    warnings += _of_provided(kept, provided, settings, brings, who)
    return Chosen(
        packages=slimmed(kept, settings),
        left_out=(*excluded, *provided),
        warnings=tuple(f"{function.where}.{warning}" for warning in warnings),
    )


def _wrong_names(
    function: FunctionConfig, unknown: Sequence[str], *, for_zip: bool
) -> Iterator[tuple[Problem, str]]:
    """Each name that cannot be meant, with what to do about it."""
    for what in () if function.slim.inherited else unknown:
        hint = "write the names as the lock has them"
        yield Problem(f"{function.where}.exclude_packages", what), hint
    there = ", ".join(RUNTIME_BRINGS)
    for name in function.slim.provided if for_zip else ():
        if name not in RUNTIME_BRINGS:
            what = f"{name!r} is not of Lambda's runtime: {there}"
            hint = "leave out what you do not want at all with `exclude_packages`"
            yield Problem(f"{function.where}.provided", what), hint


def _of_provided(
    kept: Sequence[Package],
    provided: Sequence[LeftOut],
    settings: SlimSettings,
    brings: Collection[str],
    who: str,
) -> Iterator[str]:
    there = {package.name: package for package in kept}
    for name in settings.provided:
        if name in there and name not in brings:
            yield f"provided: {who} has no {name}: it stays in"
    # lambda_rules Z13: the runtime's boto3 was made for the runtime's own urllib3.
    family = [there[name].label for name in RUNTIME_BRINGS if name in there]
    if provided and family:
        what = f"{', '.join(family)} stays in, and comes before what {who} has"
        yield f"provided: {what}; what you left to it may not work with that"


def require_known(function: FunctionConfig, packages: Sequence[Package], store: Store) -> None:
    """ConfigError for services that botocore has no model of; for packages that were measured."""
    if not function.slim.services:
        return
    from imagekit.contents.slim.words import unknown_services

    problems = tuple(
        Problem(f"{function.where}.botocore_services", what)
        for what in unknown_services(function.slim.services, packages, store)
    )
    if problems:
        raise ConfigError(problems=problems, hint="write the names that `boto3.client` takes")


def unused(function: FunctionConfig, packages: Sequence[Package], store: Store) -> Iterator[str]:
    """Patterns that name no file of the packages, which were measured; in words."""
    if not (function.slim.keep or function.slim.drop):
        return
    from imagekit.contents.slim.words import unused_patterns

    for key, patterns in (("keep", function.slim.keep), ("drop", function.slim.drop)):
        for pattern in unused_patterns(patterns, packages, store):
            yield f"{function.where}.{key}: {pattern!r} names no file of any package"


def dressed(packages: Sequence[Package], settings: SlimSettings) -> tuple[Package, ...]:
    """Packages that no lock of the function names, such as the runtime client, slimmed alike.

    Services are said of the function's own botocore.
    """
    return slimmed(packages, replace(settings, services=()))
