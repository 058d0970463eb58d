"""The rules over the final files, of an image or a ZIP: modes, shared objects, bytecode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct

from imagekit.check.bytecode import useless
from imagekit.check.entries import Entry
from imagekit.check.findings import Findings, Rule, Severity
from imagekit.check.form import others
from imagekit.check.machine import ElfFile, Expected, misfits
from imagekit.check.rules import C6, C7, C8, P2, R1

FILE_RULES: Final[tuple[Rule, ...]] = (P2, R1, C6, C7, C8)

_RUN: Final = 0o111


class _Broken(Struct, frozen=True):
    rule: Rule
    entry: Entry
    what: str


def check_files(
    files: Mapping[str, Entry],
    expected: Expected,
    judged: Callable[[Entry], bool],
    *,
    complete: bool = True,
) -> Findings:
    """All rules over an image's final files; `judged` says which ones the function loads.

    Where a layer is missing (`complete` is false) a source may be in it.
    """
    yield from check_modes(files.values())
    yield from check_machine(files, expected, judged)
    for finding in check_bytecode(files, expected.python, judged):
        if complete or finding.rule != C6.id:
            yield finding


def check_modes(
    entries: Iterable[Entry], *, folders: bool = True, severity: Severity | None = None
) -> Findings:
    """Everything must be open to others: functions run as a user without rights (P1, P2)."""
    broken = (
        _Broken(P2, entry, f"others may not {what} (mode {entry.mode:04o})")
        for entry in entries
        if (what := _closed(entry, folders=folders))
    )
    return _by_place(broken, severity)


def check_machine(
    files: Mapping[str, Entry], expected: Expected, judged: Callable[[Entry], bool]
) -> Findings:
    """Shared objects and programs, those alone that were read whole."""
    found = tuple(
        ElfFile(path=path, facts=entry.seen.elf, executable=bool(entry.mode & _RUN))
        for path, entry in files.items()
        if entry.seen.elf is not None and judged(entry)
    )
    broken = (_Broken(R1, files[path], what) for path, what in misfits(found, expected))
    return _by_place(broken)


def check_bytecode(
    files: Mapping[str, Entry], python: str | None, judged: Callable[[Entry], bool]
) -> Findings:
    """Every `.pyc`; one for another Python only where the function would look for it."""
    broken = (
        _Broken(found.rule, found.entry, found.what)
        for found in useless(files, python)
        if found.rule is not C8 or judged(found.entry)
    )
    return _by_place(broken)


def _closed(entry: Entry, *, folders: bool) -> str | None:
    if entry.kind == "folder":
        return "enter and list it" if folders and entry.mode & 0o005 != 0o005 else None
    if entry.kind != "file":
        return None
    if not entry.mode & 0o004:
        return "read it"
    return "run it" if entry.mode & 0o110 and not entry.mode & 0o001 else None


def _by_place(found: Iterable[_Broken], severity: Severity | None = None) -> Findings:
    """One finding for each rule and layer, with the first paths by name."""
    together: dict[tuple[str, str], list[_Broken]] = {}
    for broken in found:
        together.setdefault((broken.rule.id, broken.entry.place), []).append(broken)
    for same in together.values():
        first = same[0]
        yield first.rule.found(
            first.entry.where,
            first.what + others([broken.entry.path for broken in same[1:]]),
            ours=first.entry.ours,
            severity=severity,
        )
