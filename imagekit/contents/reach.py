"""What a handler imports, told from the text of sources: for any target, without running any.

Lines are read, not grammar: of 1,500 files that a handler with pandas and boto3 reaches, parsing
takes 20 s, reading lines less than one. It errs on the side of too much (an import behind an `if`,
a line in a string), and sees nothing that is named at run time alone (`importlib.import_module`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

# At the margin whatever begins a statement; at any indentation imports.
_LINES = re.compile(
    r"^(?:(?P<closed>(?:async\s+def|def|class|if\s+(?:\w+\.)?TYPE_CHECKING)\b)"
    r"|[ \t]*from[ \t]+(?P<start>\.*[\w.]*)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#;]*)"
    r"|[ \t]*import[ \t]+(?P<modules>[\w.][^\n#;]*)"
    r"|(?P<other>[^\s#)\]}]))",
    re.MULTILINE,
)
_NAME = re.compile(r"[\w.]+")
_COMMENT = re.compile(r"#[^\n]*")


def reached(paths: Iterable[str], text_of: Callable[[str], str], module: str) -> frozenset[str]:
    """The sources that importing `module` (`shop.app`) runs, as far as they say so.

    `paths` are all that lie together, such as `shop/app.py`, `pandas/__init__.py`; `text_of` gives
    the text of one of them.
    """
    files = modules(paths)
    found: set[str] = set()
    todo = list(_lineage(module))
    while todo:
        name = todo.pop()
        path = files.get(name)
        if path is None or path in found:
            continue
        found.add(path)
        package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
        for target in imported(text_of(path), package):
            todo.extend(_lineage(target))
    return frozenset(found)


def modules(paths: Iterable[str]) -> Mapping[str, str]:
    """Path of a source by the name under which it is imported."""
    found = {}
    for path in paths:
        if path.endswith(".py"):
            name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            # A package's folder comes before a module of its name.
            if name not in found or path.endswith("/__init__.py"):
                found[name] = path
    return found


def imported(text: str, package: str) -> Iterator[str]:
    """Modules that a module of `package` imports when it is imported, or names in them."""
    closed = False
    for line in _LINES.finditer(text):
        indented = line[0][:1] in " \t"
        if line["closed"]:
            closed = True
            continue
        closed = closed and indented
        if line["modules"]:
            if not closed:
                yield from (name[0] for name in _firsts(line["modules"]))
        elif line["start"] is not None and not closed:
            start = _absolute(line["start"], package)
            yield start
            for name in _firsts(line["names"]):
                yield f"{start}.{name[0]}"


def _firsts(listed: str) -> Iterator[re.Match[str]]:
    """`a as b, c` gives `a` and `c`."""
    for part in _COMMENT.sub("", listed).strip("()").split(","):
        if name := _NAME.search(part):
            yield name


def _absolute(start: str, package: str) -> str:
    named = start.lstrip(".")
    dots = len(start) - len(named)
    if not dots:
        return named
    above = package.split(".")
    kept = above[: len(above) - dots + 1]
    return ".".join((*kept, *((named,) if named else ())))


def _lineage(module: str) -> Iterator[str]:
    """`a.b.c` needs `a` and `a.b`, too."""
    parts = module.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))
