"""Import times in words, as bars, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from msgspec import to_builtins

from imagekit.model.durations import duration
from imagekit.model.sizes import size
from imagekit.model.startup import (
    BytecodeEffect,
    Import,
    ImportGroup,
    ImportProfile,
    LazyImport,
    Spread,
)
from imagekit.report.bars import Row, table

SCHEMA = 1
_GROUPS, _MODULES, _LAZY = 15, 8, 8


def profile_lines(profile: ImportProfile, columns: int | None) -> Iterator[str]:
    """What a person reads; bars where a terminal has `columns`."""
    yield _headline(profile)
    yield ""
    yield from table(list(_groups(profile, profile.by_owner)), columns)
    if len(profile.by_layer) > 1:
        yield from ("", "by layer")
        yield from table(list(_groups(profile, profile.by_layer)), columns)
    yield from ("", "heaviest modules")
    yield from table([_module(profile, one) for one in profile.heaviest(_MODULES)], columns)
    yield from _lazy(profile.lazy)
    if profile.bytecode is not None:
        yield from ("", _bytecode(profile, profile.bytecode))


def closing_line(profile: ImportProfile) -> str:
    """One line: what happened, and what to type next."""
    took = duration(profile.measured_us.median / 1000)
    heaviest = ", ".join(heavy_words(profile, 3))
    line = f"{profile.function}  imports {took} ({heaviest})"
    if profile.emulated:
        line += "  emulated: times compare with each other alone"
    elif profile.lazy:
        first = profile.lazy[0]
        line += f"  {duration(first.saved_us / 1000)} could wait: {first.module}"
    return line


def heavy_words(profile: ImportProfile, count: int) -> tuple[str, ...]:
    """The heaviest owners with their own time: `pandas 3.1.0 142 ms`."""
    return tuple(
        f"{group.name} {duration(group.self_us / 1000)}" for group in profile.by_owner[:count]
    )


def profiles_json(profiles: Sequence[ImportProfile]) -> str:
    """`{"schema": 1, "profiles": […]}`; times in µs."""
    documents = [_document(one) for one in profiles]
    return json.dumps({"schema": SCHEMA, "profiles": documents}, indent=2)


def _document(profile: ImportProfile) -> dict[str, object]:
    summed = {
        "attributed_us": profile.attributed_us,
        "unattributed_us": profile.unattributed_us,
        "by_owner": [to_builtins(group) for group in profile.by_owner],
        "by_layer": [to_builtins(group) for group in profile.by_layer],
    }
    whole: dict[str, object] = to_builtins(profile)
    return whole | summed


def _headline(profile: ImportProfile) -> str:
    measured = profile.measured_us
    return (
        f"{profile.artefact}: imports take {duration(measured.median / 1000)} "
        f"({spread_words(measured, 1000)}), after {duration(profile.interpreter_us / 1000)} "
        f"of Python {profile.python}'s own; {profile.share:.1%} of them told below"
    )


def spread_words(spread: Spread, unit: float = 1) -> str:
    """`320 to 345 ms in 5 runs`: from the least to the most."""
    if spread.count == 1:
        return "one run"
    least, most = duration(spread.least / unit), duration(spread.most / unit)
    return f"{least} to {most} in {spread.count} runs"


def _groups(profile: ImportProfile, groups: Sequence[ImportGroup]) -> Iterator[Row]:
    for group in groups[:_GROUPS]:
        yield _row(profile, group.name, group.self_us, _count(group.modules))
    if rest := groups[_GROUPS:]:
        summed = sum(group.self_us for group in rest)
        modules = sum(group.modules for group in rest)
        yield _row(profile, f"{len(rest)} others", summed, _count(modules))


def _module(profile: ImportProfile, one: Import) -> Row:
    owner = one.owner.name if one.owner else ""
    return _row(profile, one.module, one.self_us, owner)


def _row(profile: ImportProfile, label: str, self_us: int, said: str) -> Row:
    share = min(self_us / profile.total_us, 1.0) if profile.total_us else 0.0
    return Row(label, share, (duration(self_us / 1000), f"{share:.0%}", said))


def _count(modules: int) -> str:
    return "1 module" if modules == 1 else f"{modules} modules"


def _lazy(found: Sequence[LazyImport]) -> Iterator[str]:
    if not found:
        return
    yield from ("", "imported at the top, and not touched while starting")
    for one in found[:_LAZY]:
        where = f"used in {', '.join(one.used_in[:3])}" if one.used_in else "used nowhere"
        saved = duration(one.saved_us / 1000)
        yield f"  {one.module}  {saved}  {one.importer}:{one.line}, {where}"


def _bytecode(profile: ImportProfile, effect: BytecodeEffect) -> str:
    fast, slow = (duration(each.median / 1000) for each in (effect.with_us, effect.without_us))
    saved = duration(max(effect.saved_us, 0) / 1000)
    held = size(sum(one.bytecode_bytes for one in profile.compiled))
    if effect.shipped == "all":
        return f"bytecode: {fast} with, {slow} without: {held} of it save {saved}"
    has = "some of it is missing" if effect.shipped == "some" else "there is none"
    return f"bytecode: {has}: {held} of it would save {saved} ({fast} with, {slow} without)"
