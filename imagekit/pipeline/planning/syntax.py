"""The project's own code is Python of the target's version: what is not is said before it is built.

Asked of the interpreter that compiles, never of the one that runs imagekit, whose grammar may be
another. What it said is kept by content: a build asks about what changed alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from imagekit.contents.syntax import Fault, faults
from imagekit.model.digest import Digest
from imagekit.model.errors import BrokenHandler, Problem
from imagekit.model.tree import FileEntry
from imagekit.pipeline.packages import Packages
from imagekit.pipeline.workshop import Workshop
from imagekit.plan.build_plan import BuildPlan
from imagekit.project.handler import imported_with
from imagekit.project.interpreter import Interpreter
from imagekit.store import Store

_KIND = "syntax"
_NOT_IMPORTED = "bin/"


class _Source(Struct, frozen=True):
    entry: FileEntry
    key: str


def require_syntax(workshop: Workshop, packages: Packages, plans: Sequence[BuildPlan]) -> None:
    """BrokenHandler where the handler's module cannot be imported; of other files a warning."""
    problems: dict[Problem, str] = {}
    warnings: dict[Problem, str] = {}
    several = len({plan.function for plan in plans}) > 1
    sources = {_layer(plan): tuple(_sources(plan)) for plan in plans}
    for interpreter, those in _by_interpreter(packages, plans):
        every = {one.key: one for plan in those for one in sources[_layer(plan)]}
        place = f"{packages.project.root}\0{interpreter.version}"
        known = _known(every, place, interpreter, workshop.store)
        for plan in those:
            surely = imported_with(plan.handler)
            for one in sources[_layer(plan)]:
                if not (found := known.get(one.key)):
                    continue
                told = _problem(one.entry.path, found)
                if one.entry.path not in surely:
                    warnings[told] = interpreter.version
                    continue
                where = f"{plan.function}: {told.where}" if several else told.where
                problems[Problem(where, told.what)] = interpreter.version
    for problem, version in warnings.items():
        what = f"Python {version} cannot import it: {problem.what}"
        workshop.console.say(f"warning: {problem.where}: {what}")
    if problems:
        raise BrokenHandler(
            problems=tuple(problems),
            python=" and ".join(sorted(set(problems.values()))),
            hint="correct it, or set `python` to the version that it is written for",
        )


def _layer(plan: BuildPlan) -> Digest | None:
    return next((layer.fingerprint for layer in plan.layers if layer.kind == "source"), None)


def _sources(plan: BuildPlan) -> Iterator[_Source]:
    for layer in plan.layers:
        for entry in layer.files or () if layer.kind == "source" else ():
            if (
                entry.path.endswith(".py")
                and entry.link_target is None
                and not entry.path.startswith(_NOT_IMPORTED)
            ):
                yield _Source(entry, Digest.of(entry.content.read()).hex)


def _by_interpreter(
    packages: Packages, plans: Sequence[BuildPlan]
) -> Iterator[tuple[Interpreter, list[BuildPlan]]]:
    """The plans that one interpreter judges; without one nobody does."""
    found: dict[str, tuple[Interpreter, list[BuildPlan]]] = {}
    for plan in plans:
        if interpreter := packages.parser_of(plan):
            found.setdefault(interpreter.version, (interpreter, []))[1].append(plan)
    yield from found.values()


def _known(
    sources: Mapping[str, _Source], place: str, interpreter: Interpreter, store: Store
) -> dict[str, Fault | None]:
    """By key; what the last run said of the same content is not asked again."""
    record = Digest.of(place.encode()).hex
    before = _read(store.record(_KIND, record) or {})
    known = {key: before[key] for key in sources if key in before}
    new = [one for key, one in sources.items() if key not in known]
    said = faults([one.entry for one in new], interpreter)
    known |= {one.key: fault for one, fault in zip(new, said, strict=False)}
    if new:
        store.put_record(_KIND, record, {key: _written(fault) for key, fault in known.items()})
    return known


def _read(record: Mapping[str, object]) -> dict[str, Fault | None]:
    found: dict[str, Fault | None] = {}
    for key, said in record.items():
        match said:
            case None:
                found[key] = None
            case [int() | None as line, str(what)]:
                found[key] = Fault(line, what)
    return found


def _written(fault: Fault | None) -> object:
    return None if fault is None else [fault.line, fault.what]


def _problem(path: str, fault: Fault) -> Problem:
    return Problem(path if fault.line is None else f"{path}:{fault.line}", fault.what)
