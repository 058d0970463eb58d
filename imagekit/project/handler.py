"""The handler: what Lambda's client accepts as one, and which file holds it (lambda_rules M22)."""

from __future__ import annotations

import re
from pathlib import Path

from imagekit.model.errors import ConfigError, Problem
from imagekit.model.tree import FileEntry, Tree
from imagekit.project.config import FunctionConfig

_PART = re.compile(r"[^\\/:.]+")
_SHOWN = 5
_MOST = 128

# Looked up by name at run time, so a module with one of these may have the function after all.
_MAKES_NAMES = re.compile(
    rb"import\s*\*|__getattr__|__dict__|sys\.modules|(?:globals|locals|vars|setattr|exec|eval)\s*\("
)

# `sys.builtin_module_names` of CPython 3.11 to 3.14 on Linux; the host's own list would let a
# handler through on one machine and refuse it on another.
# fmt: off
BUILTIN_MODULES = frozenset(
    [
        "_abc", "_ast", "_codecs", "_collections", "_functools", "_imp", "_io", "_locale",
        "_operator", "_signal", "_sre", "_stat", "_string", "_suggestions", "_symtable",
        "_sysconfig", "_thread", "_tokenize", "_tracemalloc", "_typing", "_warnings",
        "_weakref", "atexit", "builtins", "errno", "faulthandler", "gc", "itertools", "marshal",
        "posix", "pwd", "sys", "time", "xxsubtype",
    ]
)
# fmt: on


def handler_problem(handler: str) -> str | None:
    """Why Lambda would refuse `handler`, in words; None where it is fine.

    `mod.func` or `pkg/mod.func`: split at the last dot, then `/` becomes `.` (awslambdaric's
    bootstrap.py); at most 128 characters, no whitespace (Lambda's API).
    """
    module, dot, function = handler.rpartition(".")
    parts = module.replace("/", ".").split(".")
    if not dot:
        return f"{handler!r} needs a module and a function: `package.module.function`"
    if any(character.isspace() for character in handler):
        return f"{handler!r} must not hold whitespace"
    if len(handler) > _MOST:
        return f"has {len(handler)} characters; Lambda takes at most {_MOST}"
    # The module is imported by name, so `my-app.handler` works; the function is an attribute.
    if not all(_PART.fullmatch(part) for part in parts) or not function.isidentifier():
        return f"{handler!r} is not `package.module.function`"
    if parts[0] in BUILTIN_MODULES:
        return f"{parts[0]!r} is a module that is built into Python; rename your module"
    return None


def handler_paths(handler: str) -> tuple[str, ...]:
    """Files that may hold the handler's module, the likeliest first, relative to `/var/task`."""
    stem = _stem(handler)
    return (f"{stem}.py", f"{stem}/__init__.py", f"{stem}.pyc", f"{stem}.so", f"{stem}.abi3.so")


def holds_handler(path: str, handler: str) -> bool:
    """Whether a file at `path` is the handler's module; compiled ones with a platform's tag too."""
    if path in handler_paths(handler):
        return True
    return path.startswith(f"{_stem(handler)}.cpython-") and path.endswith(".so")


def imported_with(handler: str) -> frozenset[str]:
    """Sources that are imported if they are there before the handler can be: its module, and the
    packages that it lies in."""
    folders = _stem(handler).split("/")[:-1]
    above = ("/".join(folders[:count]) for count in range(1, len(folders) + 1))
    return frozenset((*handler_paths(handler)[:2], *(f"{folder}/__init__.py" for folder in above)))


def handler_module_present(tree: Tree, handler: str) -> bool:
    """Whether `tree` holds the handler's module; an installed package may hold it instead."""
    return any(holds_handler(entry.path, handler) for entry in tree)


def handler_surely_missing(tree: Tree, handler: str) -> bool:
    """Whether the module is in `tree` as Python source, and cannot have the function.

    Only what is certain: the name does not occur in the file as a word, nor anything that could
    make names while it runs. Letters beyond ASCII depend on the file's encoding.
    """
    name = handler.rpartition(".")[2]
    if not name.isascii():
        return False
    word = re.compile(rb"(?<![\w\x80-\xff])" + name.encode() + rb"(?![\w\x80-\xff])")
    sources = handler_paths(handler)[:2]
    found = [entry.content.read() for entry in tree if entry.path in sources]
    return bool(found) and not any(word.search(text) or _MAKES_NAMES.search(text) for text in found)


def missing_handler(function: FunctionConfig, tree: Tree) -> ConfigError:
    """The error for a handler that is nowhere: names its file where it is on the disk and left out,
    else files that define such a function."""
    where = f"{function.where}.handler" if function.where else f"functions.{function.name}.handler"
    path = handler_paths(function.handler)[0]
    what = f"there is no {path} in the source, nor in a package"
    if found := _on_disk(function):
        left_out, arrives_with = found
        what += f"; {left_out} is left out"
        hint = f'write `include = ["{left_out}"]`, or name {arrives_with} in `source`'
    elif candidates := handler_candidates(tree, function.handler):
        what += f"; defined here: {', '.join(candidates[:_SHOWN])}"
        hint = f'write `handler = "{candidates[0]}"`'
    else:
        hint = "name the folder or module that holds it in `source`"
    return ConfigError(problems=(Problem(where, what),), hint=hint)


def missing_function(function: FunctionConfig, tree: Tree) -> ConfigError:
    """The error for a handler whose module is there and does not have the function."""
    module, _, name = function.handler.rpartition(".")
    path = next(one for one in handler_paths(function.handler) if _has(tree, one))
    what = f"{path} defines no {name}"
    hint = f"define it: `def {name}(event, context):`"
    if candidates := handler_candidates(tree, function.handler):
        hint = f'write `handler = "{candidates[0]}"`'
    elif near := _near(tree, path, name):
        hint = f'write `handler = "{module}.{near}"`'
    return ConfigError(problems=(Problem(f"{function.where}.handler", what),), hint=hint)


def _has(tree: Tree, path: str) -> bool:
    return any(entry.path == path for entry in tree)


def _near(tree: Tree, path: str, name: str) -> str | None:
    """A function of that file whose name is like `name`."""
    from difflib import get_close_matches

    text = next(entry for entry in tree if entry.path == path).content.read()
    defined = [found.decode() for found in re.findall(rb"^(?:async\s+)?def\s+(\w+)", text, re.M)]
    return next(iter(get_close_matches(name, defined, n=1)), None)


def handler_candidates(tree: Tree, handler: str) -> tuple[str, ...]:
    """Handlers that would work: modules of `tree` that define a function of that name, sorted."""
    name = re.escape(handler.rpartition(".")[2].encode())
    defines = re.compile(rb"^(?:(?:async\s+)?def\s+" + name + rb"\b|" + name + rb"\s*=)", re.M)
    function = handler.rpartition(".")[2]
    found = (f"{_module(entry)}.{function}" for entry in tree if _defines(entry, defines))
    return tuple(sorted(name for name in found if handler_problem(name) is None))


def _defines(entry: FileEntry, pattern: re.Pattern[bytes]) -> bool:
    is_source = entry.path.endswith(".py") and entry.link_target is None
    return is_source and pattern.search(entry.content.read()) is not None


def _module(entry: FileEntry) -> str:
    return entry.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _stem(handler: str) -> str:
    return handler.rpartition(".")[0].replace(".", "/")


def _on_disk(function: FunctionConfig) -> tuple[str, str] | None:
    """The handler's module in the project, and what of it goes into `source`."""
    for folder in (Path(), Path("src")):
        for path in handler_paths(function.handler)[:2]:
            if (function.root / folder / path).is_file():
                top = path.partition("/")[0]
                return (folder / path).as_posix(), (folder / top).as_posix()
    return None
