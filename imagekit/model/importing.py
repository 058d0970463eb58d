"""What came of importing a handler: values between who tries it, who explains it, and who tells."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["module", "file", "library", "glibc", "name", "other"]


class Raised(Struct, frozen=True, kw_only=True):
    """One exception as the process that imported said it."""

    error: str
    """Its class: `ModuleNotFoundError`."""
    message: str
    name: str | None = None
    """ImportError's own: the module that is missing, or from which something was wanted."""
    filename: str | None = None
    """OSError's own."""


class NotImported(Struct, frozen=True, kw_only=True):
    """The handler could not be imported, and what was missing."""

    kind: Kind
    what: str
    """The module, the path, the library, the version of glibc, or the exception's own words."""
    said: str
    """`ModuleNotFoundError: No module named 'numpy.tests'`."""
    places: tuple[str, ...] = ()
    """`FILE:LINE` from the handler inwards."""


class Blamed(Struct, frozen=True, kw_only=True):
    """Who took away what is missing."""

    why: str
    """`left out of numpy 2.5.5 as tests`."""
    hint: str
    """A line of configuration that brings it back."""


class ImportCheck(Struct, frozen=True, kw_only=True):
    """The outcome of one import."""

    handler: str
    where: str
    """What imported it: `Python 3.13.0 here`, `a container of …`."""
    milliseconds: int = 0
    failure: NotImported | None = None
    blamed: Blamed | None = None
