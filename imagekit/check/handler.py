"""Whether a handler can be imported, as awslambdaric does it (lambda_rules M22)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

BUILT_IN: Final = frozenset(
    (
        *("_abc", "_ast", "_codecs", "_collections", "_functools", "_imp", "_io", "_locale"),
        *("_operator", "_signal", "_sre", "_stat", "_string", "_symtable", "_thread"),
        *("_tracemalloc", "_warnings", "_weakref", "atexit", "builtins", "errno", "faulthandler"),
        *("gc", "itertools", "marshal", "posix", "pwd", "sys", "time"),
    )
)
"""Compiled into every CPython on Linux; awslambdaric refuses them as handlers
(Runtime.BuiltInModuleConflict)."""

_SUFFIXES: Final = (".py", ".pyc", ".so", ".abi3.so")


def malformed(handler: str) -> str | None:
    """Why awslambdaric refuses the name; None where it does not."""
    module, dot, function = handler.rpartition(".")
    first = module.replace("/", ".").partition(".")[0]
    if not dot or not module or not function:
        return f"handler {handler!r} is not MODULE.FUNCTION"
    if module.split(".")[0] in BUILT_IN:
        return f"handler {handler!r}: {first} is built into Python"
    if not all(module.replace("/", ".").split(".")):
        return f"handler {handler!r} has an empty name in it"
    return None


def module_path(handler: str) -> str:
    """The handler's module as a path without suffix: `pkg/mod.f` and `pkg.mod.f` are `pkg/mod`."""
    return handler.rpartition(".")[0].replace(".", "/")


def module_file(
    module: str, roots: tuple[str, ...], names: Callable[[str], tuple[str, ...]], python: str | None
) -> str | None:
    """The file that the module would be read from; None where there is none.

    `names` lists a folder (empty where there is none), `module` is as `module_path` gives it.
    """
    folder, _, name = module.rpartition("/")
    for root in roots:
        parent = f"{root}/{folder}".strip("/")
        here = names(parent)
        if found := next((one for one in _files(name, here, python)), None):
            return f"{parent}/{found}".lstrip("/")
        if name in here:
            inside = f"{parent}/{name}".lstrip("/")
            if start := next((one for one in _files("__init__", names(inside), python)), None):
                return f"{inside}/{start}"
    return None


def _files(module: str, names: tuple[str, ...], python: str | None) -> Iterator[str]:
    yield from (f"{module}{suffix}" for suffix in _SUFFIXES if f"{module}{suffix}" in names)
    tag = "cpython-" + python.replace(".", "") if python else "cpython-"
    yield from (
        name for name in names if name.startswith(f"{module}.{tag}") and name.endswith(".so")
    )
