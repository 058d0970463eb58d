"""Which imports at the top of own modules could wait until somebody needs them.

An import is a candidate where nothing that runs while the function starts touches the name that it
binds: neither the module's own top, nor a function that some top calls, in whatever own module.
What it would save is what nobody else imports: everything that is out of reach without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from imagekit.local.importtime import Timed
from imagekit.local.look import Look, TopImport, look
from imagekit.local.probed import Probed
from imagekit.model.startup import LazyImport

WORTH_US = 1000
"""Less is not worth moving a line for."""

CLIENT = "awslambdaric.bootstrap"


def lazy_imports(
    timed: Sequence[Timed], probed: Probed, handler_module: str
) -> tuple[LazyImport, ...]:
    """The candidates that would save a millisecond or more, the greatest saving first."""
    looks = _looks(probed)
    touched = _touched(looks)
    graph = _graph(timed, probed.edges)
    times = {one.module: one for one in reversed(timed)}
    found = []
    for one in looks.values():
        for bound in _untouched(one, touched[one.module], looks):
            target = next((name for name in bound.targets if name in times), None)
            if target is None:
                continue
            saved = _saved(one, bound, graph, (handler_module, CLIENT))
            saved_us = sum(times[name].self_us for name in saved if name in times)
            if saved_us >= WORTH_US:
                found.append(
                    LazyImport(
                        module=target,
                        importer=one.module,
                        line=bound.line,
                        used_in=_used_in(one, bound.name),
                        cumulative_us=times[target].cumulative_us,
                        saved_us=saved_us,
                    )
                )
    return tuple(sorted(found, key=lambda each: (-each.saved_us, each.importer, each.line)))


def _looks(probed: Probed) -> dict[str, Look]:
    found = {}
    for module, source in probed.sources.items():
        known = probed.modules.get(module)
        package = bool(known and known.file and known.file.endswith("/__init__.py"))
        if (seen := look(module, source, package=package)) is not None:
            found[module] = seen
    return found


def _touched(looks: Mapping[str, Look]) -> dict[str, set[str]]:
    """By module the names that starting touches, through functions that are called meanwhile."""
    touched: dict[str, set[str]] = {module: set() for module in looks}
    todo = [(module, name) for module, one in looks.items() for name in one.top]
    while todo:
        module, name = todo.pop()
        if name in touched[module]:
            continue
        touched[module].add(name)
        todo.extend(_leads_to(looks[module], name, looks))
    return touched


def _leads_to(one: Look, name: str, looks: Mapping[str, Look]) -> Iterator[tuple[str, str]]:
    """What is touched further where `name` is: bodies in this module, names of other own ones."""
    first, _, rest = name.partition(".")
    for body in one.bodies_of(first):
        yield from ((one.module, each) for each in one.inside[body])
    for bound in one.imports:
        if bound.name == first:
            for target in bound.targets:
                if target in looks and (wanted := rest or bound.name):
                    yield target, wanted.partition(".")[0]


def _untouched(one: Look, touched: Set[str], looks: Mapping[str, Look]) -> Iterator[TopImport]:
    if one.reexports:
        return
    lent = {
        bound.targets[0].rpartition(".")[2]
        for other in looks.values()
        for bound in other.imports
        if one.module in bound.targets[1:]
    }
    for bound in one.imports:
        same = [each for each in one.imports if each.name == bound.name]
        if bound.name not in touched | lent and bound.name != "*" and len(same) == 1:
            yield bound


def _used_in(one: Look, name: str) -> tuple[str, ...]:
    return tuple(sorted(body for body, names in one.inside.items() if name in names))


def _graph(
    timed: Sequence[Timed], edges: Iterable[tuple[str, str]]
) -> Mapping[str, frozenset[str]]:
    """Who needs whom: what was seen, packages for what lies in them, and where nothing was seen
    (an import that C code made, or that failed), the importer that took the time."""
    needs: dict[str, set[str]] = {}
    seen = set()
    for importer, module in edges:
        needs.setdefault(importer, set()).add(module)
        seen.add(module)
    for one in timed:
        if one.module not in seen and one.parent is not None:
            needs.setdefault(timed[one.parent].module, set()).add(one.module)
        if package := one.module.rpartition(".")[0]:
            needs.setdefault(one.module, set()).add(package)
    return {module: frozenset(others) for module, others in needs.items()}


def _saved(
    one: Look, bound: TopImport, graph: Mapping[str, frozenset[str]], roots: Sequence[str]
) -> set[str]:
    """What nothing reaches any more without this import."""
    others = {
        target for each in one.imports if each is not bound for target in _with_packages(each)
    }
    gone = set(_with_packages(bound)) - others
    without = dict(graph)
    without[one.module] = graph.get(one.module, frozenset()) - gone
    return _reached(graph, roots) - _reached(without, roots)


def _with_packages(bound: TopImport) -> Iterator[str]:
    for target in bound.targets:
        parts = target.split(".")
        yield from (".".join(parts[:count]) for count in range(len(parts), 0, -1))


def _reached(graph: Mapping[str, frozenset[str]], roots: Sequence[str]) -> set[str]:
    reached: set[str] = set()
    todo = list(roots)
    while todo:
        module = todo.pop()
        if module not in reached:
            reached.add(module)
            todo.extend(graph.get(module, ()))
    return reached
