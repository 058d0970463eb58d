"""Which file of a package is left out, and why: from the package's name and the path alone.

So a wheel's directory tells what will be left of it, to the byte. A rule of this file holds for all
packages; `contents.slim.exceptions` says for whom it would be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from imagekit.contents.slim.exceptions import MORE, STAYS
from imagekit.contents.slim.models import is_other_service
from imagekit.model.slim import Slim
from imagekit.project.patterns import Patterns

Why = Callable[[str], str | None]
"""Of a path: the reason why it is left out; None where it stays."""

ASKED_FOR: Final = "asked for"
STUBS: Final = "type stubs"

TESTS: Final = "tests"
DOCS: Final = "docs"
SOURCES: Final = "C sources and headers"
STATIC: Final = "static libraries"
BYTECODE: Final = "stale bytecode"

_C_SOURCES = ("c", "cc", "cpp", "cxx", "cu", "h", "hh", "hpp", "hxx", "cuh", "tpp")
_CYTHON_SOURCES = ("pyx", "pxd", "pxi")
_FORTRAN_SOURCES = ("f", "f77", "f90", "f95", "pyf")
_BY_ENDING: Final[dict[str, str]] = {
    **dict.fromkeys((*_C_SOURCES, *_CYTHON_SOURCES, *_FORTRAN_SOURCES), SOURCES),
    **dict.fromkeys(("a", "la"), STATIC),
    "pyi": STUBS,
    "pyo": BYTECODE,
}
# What else ends like this is data: circuits, symbols of drawings.
_IMPORT_LIBRARY: Final = re.compile(r"(?:^|/)lib(?:64)?/[^/]+\.lib$")
# `docs` may be a package (botocore.docs is imported by boto3), and a template or a page that is
# served may lie in one: only what is written to be read goes.
_PROSE: Final = re.compile(r"(?:^|/)docs?/(?:[^/]+/)*[^/]+\.(?:rst|md|tex|ipynb)$")
_MANUALS: Final = ("share/doc/", "share/man/", "share/info/")
_HEADERS: Final = "include/"

MODELS: Final = "models of other services"
SYMBOLS: Final = "symbols of shared objects"
COPIES: Final = "copies of shared objects"
REASONS: Final = (
    *(TESTS, DOCS, STUBS, SOURCES, STATIC, BYTECODE),
    *(MODELS, SYMBOLS, COPIES, ASKED_FOR),
)
"""All that there are."""

# `importlib.metadata` reads them, and licences are to be passed on with what they are of.
_METADATA: Final = re.compile(r"^[^/]+\.(?:dist|egg)-info/")
_LICENCE: Final = re.compile(
    r"(?:^|/)(?:licen[cs]es?|copying|copyright|notice|authors|patents)(?:[-_.][^/]*)?(?:$|/)",
    re.IGNORECASE,
)
# A licence's words, not a module or a header that happens to be called so.
_CODE: Final = re.compile(r"\.(?:py|pyi|pyc|so|[ch]|cpp|hpp)$")


@lru_cache(maxsize=1024)
def deciding(name: str, slim: Slim) -> Why:
    """The decision for one package, by its normalised name; a function that is asked of each path.

    `keep` wins over everything, `drop` over the rules. Metadata and licences stay always.
    """
    by_rules = _by_rules(name, slim)
    if not (slim.keep or slim.drop):
        return by_rules
    kept, dropped = _Asked(slim.keep), _Asked(slim.drop)

    def why(path: str) -> str | None:
        if kept.names(path) or _METADATA.match(path):
            return None
        return ASKED_FOR if dropped.names(path) else by_rules(path)

    return why


def why_dropped(name: str, path: str, slim: Slim) -> str | None:
    """Why the file at `path` of the package `name` is left out; None where it stays."""
    return deciding(name, slim)(path)


def untouched(name: str, slim: Slim) -> Why:
    """Of a path: what says that not even the inside of the file changes, `keep` or the package."""
    kept = _Asked(slim.keep)
    stays = [(re.compile(one.paths), one.reason) for one in STAYS if one.holds_for(name)]

    def why(path: str) -> str | None:
        if kept.names(path):
            return "keep"
        return next((reason for paths, reason in stays if paths.search(path)), None)

    return why


def named_by(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Of a path: whether one of these patterns of the configuration names it."""
    return _Asked(patterns).names


def _by_rules(name: str, slim: Slim) -> Why:
    general = _general(name, slim) if slim.profile != "off" else _stays
    if not slim.services or name not in ("boto3", "botocore"):
        return general
    services = frozenset(slim.services)

    def why(path: str) -> str | None:
        if is_other_service(path, services):
            return MODELS
        return general(path)

    return why


def _general(name: str, slim: Slim) -> Why:
    stays = [one.paths for one in STAYS if one.holds_for(name)]
    if slim.reads_stubs:
        stays.append(r"\.pyi$")
    exception = re.compile("|".join(f"(?:{one})" for one in stays)) if stays else None
    more = [(re.compile(one.paths), one.reason) for one in MORE if one.holds_for(name)]

    def why(path: str) -> str | None:
        reason = _reason(path)
        if reason is None and more:
            reason = next((words for paths, words in more if paths.search(path)), None)
        if reason is None or (exception and exception.search(path)) or _METADATA.match(path):
            return None
        return None if _LICENCE.search(path) and not _CODE.search(path) else reason

    return why


def _reason(path: str) -> str | None:
    """Of the general rules. Asked of every file of every wheel: no expression where none hits."""
    if "tests/" in path and ("/tests/" in path or path.startswith("tests/")):
        return TESTS
    ending = path.rpartition(".")[2]
    if found := _BY_ENDING.get(ending):
        return found
    if path.startswith(_HEADERS):
        return SOURCES
    if path.startswith(_MANUALS) or ("doc" in path and _PROSE.search(path)):
        return DOCS
    return STATIC if ending == "lib" and _IMPORT_LIBRARY.search(path) else None


def _stays(path: str) -> None:
    return


class _Asked:
    """Patterns of the configuration, read as git reads them: what names a folder names all in it.

    Asked from the top down; the answer for a folder is kept, as its files come one after another.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = Patterns.of(patterns) if patterns else None
        self._folders: dict[str, bool] = {"": False}

    def names(self, path: str) -> bool:
        if self._patterns is None:
            return False
        folder = path.rpartition("/")[0]
        return self._folder(folder) or self._patterns.verdict(path, folder=False) is True

    def _folder(self, path: str) -> bool:
        known = self._folders.get(path)
        if known is None:
            above = self._folder(path.rpartition("/")[0])
            known = above or (
                self._patterns is not None and self._patterns.verdict(path, folder=True) is True
            )
            self._folders[path] = known
        return known
