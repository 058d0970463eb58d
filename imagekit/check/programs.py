"""The rules over Lambda extensions: every name in `/opt/extensions` is started as a program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from imagekit.check.entries import Entry
from imagekit.check.findings import Findings, Rule
from imagekit.check.form import others
from imagekit.check.limits import MAX_EXTENSIONS
from imagekit.check.rules import X1, X2
from imagekit.check.view import Found, View

FOLDER: Final = "opt/extensions"
PROGRAM_RULES: Final[tuple[Rule, ...]] = (X1, X2)

_RUN: Final = 0o001


def programs(view: View) -> dict[str, Found | None]:
    """What Lambda would start, by its name, sorted; None where a link leads nowhere.

    Folders are passed over, as Lambda's own emulator does (`ListExternalAgentPaths`).
    """
    folder = view.find(FOLDER)
    names = sorted(folder.node.children) if folder else ()
    listed = {name: view.find(f"{FOLDER}/{name}") for name in names}
    return {
        name: found
        for name, found in listed.items()
        if found is None or found.linked or not found.node.is_folder
    }


def check_programs(view: View) -> Findings:
    """Both rules over the final tree."""
    found = programs(view)
    closed = [(name, what) for name, what in _closed(found)]
    if closed:
        more = others([f"{FOLDER}/{name}" for name, _ in closed[1:]])
        yield X1.found(_place(view, closed[0][0]), closed[0][1] + more)
    if len(found) > MAX_EXTENSIONS:
        yield X2.found(f"/{FOLDER}", f"holds {len(found)}: {', '.join(found)}")


def _closed(listed: dict[str, Found | None]) -> Iterator[tuple[str, str]]:
    for name, found in listed.items():
        if found is None:
            yield name, "is a link that leads nowhere"
        elif (entry := found.node.entry) is None or entry.kind != "file":
            yield name, "is no file"
        elif not entry.mode & _RUN:
            yield name, f"others may not run it (mode {entry.mode:04o})"
        elif folder := _closed_folder(found):
            yield name, f"others may not enter /{folder.path} (mode {folder.mode:04o})"


def _closed_folder(found: Found) -> Entry | None:
    entries = (parent.entry for parent in found.parents)
    return next((entry for entry in entries if entry and not entry.mode & _RUN), None)


def _place(view: View, name: str) -> str:
    folder = view.find(FOLDER)
    node = folder.node.children[name] if folder else None
    return node.entry.where if node and node.entry else f"/{FOLDER}/{name}"
