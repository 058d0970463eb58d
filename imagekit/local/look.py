"""A look at one own module: what it imports at its top, and which names it touches when.

Static, so it knows names only: what is reached through `getattr`, a registry or an import's side
effects is not seen. What it calls unused is therefore a candidate, never a certainty.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct


class TopImport(Struct, frozen=True, kw_only=True):
    """One name that an import at a module's top binds."""

    name: str
    """As the module's code says it."""
    targets: tuple[str, ...]
    """Modules that it may stand for, the nearest first: of `from a import b`, `a.b` and `a`."""
    line: int


class Look(Struct, frozen=True, kw_only=True):
    """What was seen of one module."""

    module: str
    imports: tuple[TopImport, ...]
    top: frozenset[str]
    """Names, with their attributes (`pd.DataFrame`), that importing the module itself touches."""
    inside: Mapping[str, frozenset[str]]
    """The same by function (`load`, `Model.predict`) for what only calling it touches."""
    reexports: bool
    """An `__init__.py`, whose imports others may use through it."""

    def bodies_of(self, name: str) -> Iterator[str]:
        """The functions that run when somebody touches `name`: itself, or a class's methods."""
        return (each for each in self.inside if each == name or each.startswith(f"{name}."))


def look(module: str, source: str, *, package: bool) -> Look | None:
    """Read a module's text; None where this Python cannot. `package`: it is an `__init__.py`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    parent = module if package else module.rpartition(".")[0]
    found = _Walk(parent=parent, annotations=not _postponed(tree))
    found.block(tree.body)
    return Look(
        module=module,
        imports=tuple(found.imports),
        top=frozenset(found.top),
        inside={name: frozenset(names) for name, names in found.inside.items()},
        reexports=package,
    )


class _Walk:
    """Statement by statement through what runs when the module is imported."""

    def __init__(self, parent: str, *, annotations: bool) -> None:
        self.parent = parent
        self.annotations = annotations
        self.imports: list[TopImport] = []
        self.top: set[str] = set()
        self.inside: dict[str, set[str]] = {}

    def block(self, statements: Iterable[ast.stmt], within: str = "") -> None:
        for statement in statements:
            self._statement(statement, within)

    def _statement(self, statement: ast.stmt, within: str) -> None:
        match statement:
            case ast.Import() | ast.ImportFrom():
                self.imports.extend(_bound(statement, self.parent))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(statement, within)
            case ast.ClassDef():
                for node in (*statement.bases, *statement.keywords, *statement.decorator_list):
                    self.top.update(_names(node))
                self.block(statement.body, f"{within}{statement.name}.")
            case ast.If(test=test) if _for_types(test):
                self.block(statement.orelse, within)
            case _:
                self._compound(statement, within)

    def _function(self, function: ast.FunctionDef | ast.AsyncFunctionDef, within: str) -> None:
        """Decorators, defaults and annotations that are not postponed run now, the body later."""
        now: list[ast.AST] = [*function.decorator_list, *_defaults(function.args)]
        if self.annotations:
            now += _annotations(function)
        for node in now:
            self.top.update(_names(node))
        body = self.inside.setdefault(f"{within}{function.name}", set())
        for part in function.body:
            body.update(_names(part))

    def _compound(self, statement: ast.stmt, within: str) -> None:
        for field in ast.iter_child_nodes(statement):
            match field:
                case ast.stmt():
                    self._statement(field, within)
                case ast.ExceptHandler() | ast.match_case():
                    self.block(field.body, within)
                case _:
                    self.top.update(_names(field))


def _bound(statement: ast.Import | ast.ImportFrom, parent: str) -> Iterator[TopImport]:
    line = statement.lineno
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            yield TopImport(name=name, targets=(alias.name,), line=line)
        return
    start = _absolute(statement, parent)
    if start == "__future__":
        return
    for alias in statement.names:
        targets = (f"{start}.{alias.name}", start)
        yield TopImport(name=alias.asname or alias.name, targets=targets, line=line)


def _absolute(statement: ast.ImportFrom, parent: str) -> str:
    named = statement.module or ""
    if not statement.level:
        return named
    above = parent.split(".")
    above = above[: len(above) - statement.level + 1]
    return ".".join((*above, *((named,) if named else ())))


def _defaults(arguments: ast.arguments) -> Iterator[ast.expr]:
    yield from arguments.defaults
    yield from (default for default in arguments.kw_defaults if default is not None)


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    taken = function.args
    for argument in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs, taken.vararg, taken.kwarg):
        if argument is not None and argument.annotation is not None:
            yield argument.annotation
    if function.returns is not None:
        yield function.returns


def _postponed(tree: ast.Module) -> bool:
    """`from __future__ import annotations` (PEP 563)."""
    return any(
        isinstance(one, ast.ImportFrom)
        and one.module == "__future__"
        and "annotations" in {alias.name for alias in one.names}
        for one in tree.body
    )


def _for_types(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in {name.rpartition(".")[2] for name in _names(test)}


def _names(node: ast.AST) -> Iterator[str]:
    """Every name that is read below a node, and where it has attributes, with these as well."""
    if isinstance(node, ast.Attribute) and (dotted := _dotted(node)):
        yield dotted
        yield dotted.partition(".")[0]
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _names(child)


def _dotted(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            before = _dotted(value)
            return f"{before}.{attribute}" if before else None
    return None
