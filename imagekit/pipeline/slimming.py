"""Which packages of a lock go into an artefact, and what is left out of each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The packages of one artefact, slimmed, and those of the lock that are not in it."""

    packages: tuple[Package, ...]
    left_out: tuple[LeftOut, ...] = ()

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

    ConfigError for names that no package has, and for what no runtime brings.
    """
    settings = function.slim
    if problems := tuple(_problems(locked, function)):
        raise ConfigError(problems=problems, hint="write the names as the lock has them")
    kept, excluded = without_excluded(locked, settings)
    who = f"the base {base.name}" if base else "the runtime"
    brings = dict(base.facts.packages) if base else RUNTIME_BRINGS
    kept, provided = without_provided(kept, settings, brings, who)
    return Chosen(packages=slimmed(kept, settings), left_out=(*excluded, *provided))


def _problems(locked: Sequence[Package], function: FunctionConfig) -> Iterator[Problem]:
    for _, what in unknown_names(function.slim.exclude_packages, locked):
        yield Problem(f"{function.where}.exclude_packages", what)
    for name in function.slim.provided:
        if name not in RUNTIME_BRINGS:
            what = f"{name!r} is not of Lambda's runtime, which brings {', '.join(RUNTIME_BRINGS)}"
            yield Problem(f"{function.where}.provided", what)


def dressed(packages: Sequence[Package], settings: SlimSettings) -> tuple[Package, ...]:
    """Packages that no lock of the function names, such as the runtime client, slimmed alike.

    Services are said of the function's own botocore.
    """
    return slimmed(packages, replace(settings, services=()))
