"""How an import went, in words: what is missing, who left it out, and what brings it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from imagekit.model.importing import ImportCheck, NotImported

_SHOWN: Final = 4

_MISSING: Final = {
    "module": "the module {what} is not in the artefact",
    "file": "the file {what} is not in the artefact",
    "library": "the shared library {what} is not in the artefact",
    "glibc": "{what} is newer than the glibc that it was imported with",
    "name": "{what} is not in the artefact",
}
_HINTS: Final = {
    "module": "add its package to the project's dependencies, lock and build again; of the "
    "project itself: see `source`",
    "file": 'include = ["{what}"]',
    "library": "keep the wheel that brings it whole, or name the system package in `system`",
    "glibc": "use a newer base, or lock a wheel for an older glibc",
}


def import_lines(check: ImportCheck) -> Iterator[str]:
    """What went wrong, for stdout; nothing where all went well."""
    failure = check.failure
    if failure is None:
        return
    yield f"error import  {check.handler}: {failure.said}"
    if text := _MISSING.get(failure.kind):
        yield f"    {text.format(what=failure.what)}"
    if failure.places:
        yield f"    at {' > '.join(_places(failure))}"
    if check.blamed:
        yield f"    {check.blamed.why}"
        yield f"    hint: {check.blamed.hint}"
    elif hint := _HINTS.get(failure.kind):
        yield f"    hint: {hint.format(what=failure.what)}"


def _places(failure: NotImported) -> Iterator[str]:
    """The first place, which is the user's, and the last ones."""
    first, *rest = failure.places
    yield first
    if len(rest) >= _SHOWN:
        yield "…"
    yield from rest[-(_SHOWN - 1) :]


def import_line(check: ImportCheck) -> str:
    """How it ended, in one line."""
    how = "cannot be imported" if check.failure else f"imports in {check.milliseconds} ms"
    return f"{check.handler}  {how} ({check.where})"


def import_json(check: ImportCheck) -> dict[str, object]:
    """The same as a JSON object."""
    failure, blamed = check.failure, check.blamed
    return {
        "handler": check.handler,
        "where": check.where,
        "ok": failure is None,
        **({} if failure else {"milliseconds": check.milliseconds}),
        **(
            {
                "missing": {"kind": failure.kind, "what": failure.what},
                "said": failure.said,
                "places": list(failure.places),
            }
            if failure
            else {}
        ),
        **({"left_out": blamed.why, "hint": blamed.hint} if blamed else {}),
    }
