"""Functions that look like handlers, found by reading modules: nothing is imported.

https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from msgspec import Struct

_NAMES = ("lambda_handler", "handler")
_EVENT = frozenset({"event", "evt", "ev", "e", "record", "request"})
_CONTEXT = frozenset({"context", "ctx", "c", "lambda_context"})
# Of Powertools, Datadog, Middy's kin: they wrap what Lambda calls.
_DECORATORS = frozenset(
    {
        *("inject_lambda_context", "capture_lambda_handler", "log_metrics", "event_source"),
        *("event_parser", "lambda_handler_decorator", "datadog_lambda_wrapper", "idempotent"),
        *("lambda_handler", "serverless_function"),
    }
)
# What makes a handler of an application: Mangum (ASGI), apig-wsgi, aws-wsgi, Chalice.
_ADAPTERS = frozenset(
    {"Mangum", "make_lambda_handler", "Chalice", "WsgiMiddleware", "SlackRequestHandler"}
)
# Applications that need an adapter, and how one makes a handler of them.
ADAPTED = {
    "FastAPI": "add mangum, and write `handler = Mangum({})`",
    "Starlette": "add mangum, and write `handler = Mangum({})`",
    "Flask": "add apig-wsgi, and write `handler = make_lambda_handler({})`",
}


class Application(Struct, frozen=True, kw_only=True):
    """A web application that Lambda cannot call as it is."""

    path: str
    line: int
    name: str
    kind: str


class Candidate(Struct, frozen=True, kw_only=True):
    """One function or object of a module that Lambda could call."""

    path: str
    """Of the module, relative to the project."""
    function: str
    line: int
    sure: bool
    """By its name, a decorator or an adapter; else by its parameters alone."""


class Module(Struct, frozen=True, kw_only=True):
    """What a module tells."""

    path: str
    candidates: tuple[Candidate, ...] = ()
    coroutines: tuple[Candidate, ...] = ()
    """`async def handler(event, context)`: Lambda's client awaits nothing."""
    applications: tuple[Application, ...] = ()
    imports: frozenset[str] = frozenset()
    """First names of what it imports, relative imports aside."""


def read_module(path: str, text: str) -> Module | None:
    """Read one module; None where it is not Python, which is for others to say."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings that are none
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = [one for statement in _top(tree.body) for one in _candidates(statement, path)]
    called = {name for statement in tree.body for name in _called(statement)}
    coroutines = tuple(one for one, asynchronous in found if asynchronous)
    plain = [one for one, asynchronous in found if not asynchronous]
    # Helpers are handed the event and the context, too.
    plain = [one for one in plain if one.function in _NAMES or one.function not in called]
    return Module(
        path=path,
        candidates=tuple(plain),
        coroutines=coroutines,
        applications=tuple(_applications(tree.body, path)),
        imports=frozenset(name for node in ast.walk(tree) for name in _imported(node)),
    )


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported, those under `if` and `try` too."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from _top([*statement.body, *statement.orelse])


def _applications(body: list[ast.stmt], path: str) -> Iterator[Application]:
    for statement in _top(body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                if (kind := _last(call)) in ADAPTED:
                    yield Application(path=path, line=statement.lineno, name=name, kind=kind)


def _candidates(statement: ast.stmt, path: str) -> Iterator[tuple[Candidate, bool]]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            decorated = any(_last(one) in _DECORATORS for one in statement.decorator_list)
            if name.startswith("_") or not (decorated or _takes_event(statement.args, name)):
                return
            one = Candidate(
                path=path,
                function=name,
                line=statement.lineno,
                sure=decorated or name in _NAMES or name.endswith("_handler"),
            )
            yield one, isinstance(statement, ast.AsyncFunctionDef)
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
            if _last(call) in _ADAPTERS or name in _NAMES:
                one = Candidate(path=path, function=name, line=statement.lineno, sure=True)
                yield one, False


def _takes_event(arguments: ast.arguments, name: str) -> bool:
    """Two parameters that Lambda can fill; their names decide, unless the function's does."""
    given = [*arguments.posonlyargs, *arguments.args]
    needed = len(given) - len(arguments.defaults)
    keyword_only = len(arguments.kwonlyargs) - sum(1 for one in arguments.kw_defaults if one)
    if keyword_only or needed > 2 or (len(given) < 2 and not (given and arguments.vararg)):
        return False
    if name in _NAMES:
        return True
    names = [one.arg.strip("_").lower() for one in given]
    first = names[0] in _EVENT or names[0].endswith("event")
    return first and len(names) == 2 and (names[1] in _CONTEXT or names[1] == "")


def _last(node: ast.expr) -> str:
    """The last name of `logger.inject_lambda_context(…)`."""
    while isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _called(statement: ast.stmt) -> Iterator[str]:
    """Names that a function or class calls; a module that tries itself out is no caller."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield node.func.id


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        yield node.module.partition(".")[0]
