"""What the configuration leaves out, put onto the packages that it is asked of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from imagekit.model.package import Package
from imagekit.model.slim import WHOLE, LeftOut, Slim, SlimSettings

_READS_STUBS: Final = "lazy-loader"
"""`lazy_loader.attach_stub` opens the `.pyi` beside a package's `__init__.py`, at import."""

_HAS_MODELS: Final = ("boto3", "botocore")

RUNTIME_BRINGS: Final = (
    *("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"),
)
"""What is importable on Lambda's managed runtimes for Python without being in the ZIP.

docs.aws.amazon.com/lambda/latest/dg/lambda-python.html, "Runtime-included SDK versions".
"""


def slimmed(packages: Sequence[Package], settings: SlimSettings) -> tuple[Package, ...]:
    """The packages, each with what is left out of it.

    Of the user's own packages only what `drop` names: what is in them is the user's decision.
    """
    reads_stubs = any(package.name == _READS_STUBS for package in packages)
    asked = Slim(keep=settings.keep, drop=settings.drop)
    general = replace(
        asked,
        profile=settings.profile,
        reads_stubs=reads_stubs,
        symbols=_symbols() if settings.profile == "max" else None,
    )
    if not general.drop and general.profile == "off":
        general = asked = WHOLE

    def of(package: Package) -> Slim:
        if package.own:
            return asked if asked.key else WHOLE
        if package.name in _HAS_MODELS and settings.services:
            return replace(general, services=settings.services)
        return general

    return tuple(replace(package, slim=of(package)) for package in packages)


def _symbols() -> int:
    # Imported where it is asked for: most projects strip nothing.
    from imagekit.contents.symbols import RECIPE

    return RECIPE


def without_excluded(
    packages: Sequence[Package], settings: SlimSettings
) -> tuple[tuple[Package, ...], tuple[LeftOut, ...]]:
    """The packages without those that `exclude_packages` names, and those."""
    excluded = frozenset(settings.exclude_packages)
    if not excluded:
        return tuple(packages), ()
    kept = tuple(package for package in packages if package.name not in excluded)
    gone = (package for package in packages if package.name in excluded)
    return kept, tuple(LeftOut(package.label, "excluded") for package in gone)


def without_provided(
    packages: Sequence[Package], settings: SlimSettings, brings: Iterable[str], who: str
) -> tuple[tuple[Package, ...], tuple[LeftOut, ...]]:
    """The packages without those that are `provided`, where `who` brings them, and those."""
    there = frozenset(brings) & frozenset(settings.provided)
    if not there:
        return tuple(packages), ()
    kept = tuple(package for package in packages if package.name not in there)
    gone = (package for package in packages if package.name in there)
    return kept, tuple(LeftOut(package.label, f"{who} brings it") for package in gone)


def unknown_names(names: Iterable[str], packages: Iterable[Package]) -> Iterator[tuple[str, str]]:
    """Of `names` those that are no package's, each with what to say of it."""
    from difflib import get_close_matches

    known = sorted({package.name for package in packages})
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield name, f"{name!r} is not among the packages of the lock{hint}"
