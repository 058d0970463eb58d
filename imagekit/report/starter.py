"""A first configuration as text that explains itself, and in words what was left behind. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from imagekit.project.config import LambdaSettings
from imagekit.project.survey.values import FunctionFound, Survey

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100
_WHY = """\
# Functions for AWS Lambda, packaged by imagekit: `imagekit plan` shows what a build would make,
# `imagekit build` makes it. Written by `imagekit init`; from here on it is yours.
"""
_SAYS = {
    "base": "AWS's image, and the Python of a ZIP; or an image of your own",
    "python": "of the base",
    "architecture": '"x86_64", "arm64", or a list of both',
    "packaging": 'a ZIP where it fits in 250 MB, else an image; or "zip", "image"',
    "handler": "what Lambda calls: package.module.function",
    "source": "modules and packages; each arrives under its own last name",
    "include": "further files, under their own path",
    "exclude": "never in, even where source or include has it",
    "lock": "the packages come from here",
    "member": "whose part of the workspace's lock it gets",
    "groups": "dependency groups of the lock",
    "extras": "extras of the lock",
    "env": "environment of the image",
    "labels": "of the image",
    "extensions": "layers of other images put on top",
    "lambda": "what `imagekit deploy` may set, and nothing else",
}
_OPTIONAL = (
    ('source = ["src/app"]', "left out: src/*, else the modules and packages beside this file"),
    ('include = ["models/*.joblib"]', "further files, under their own path"),
    ('exclude = ["**/*.csv"]', "never in, even where source or include has it"),
)
_IMAGE = "the function is one already, and that can never change"

Value = str | int | bool | Sequence[str] | Mapping[str, str]


def configuration(survey: Survey, prefix: str) -> str:
    """The text to append to a pyproject.toml (prefix `tool.imagekit`) or to make a file of.

    Every line of it is valid for imagekit's own reader; what a person has to write is a comment.
    """
    common = _common(survey.functions)
    lines = [_WHY.rstrip("\n")]
    if prefix:
        lines.append(f"[{prefix}]")
    keys = [(key, value, _said(key, value)) for key, value in common.items()]
    lines += _aligned(keys)
    if "repository" not in common:
        lines.append('# repository = "team/{function}"  # for --push; a bare name is in your ECR')
    for number, function in enumerate(survey.functions):
        lines += ["", *_function(function, common, prefix, explained=number == 0)]
    return "\n".join(lines) + "\n"


def _common(functions: Sequence[FunctionFound]) -> dict[str, Value]:
    """What holds for all of them; a key that differs stands in each function that differs."""
    common: dict[str, Value] = {}
    if len({(one.base, one.python) for one in functions}) == 1:
        common |= _base(functions[0])
    architectures = Counter(one.architecture for one in functions)
    common["architecture"] = architectures.most_common(1)[0][0] or "x86_64"
    images = all(one.packaging == "image" for one in functions)
    common["packaging"] = "image" if images else "auto"
    return common


def _base(function: FunctionFound) -> dict[str, Value]:
    if function.base is None:
        return {"base": f"python{function.python}"}
    found: dict[str, Value] = {"base": function.base}
    return found | {"python": function.python} if function.python else found


def _said(key: str, value: Value) -> str:
    return _IMAGE if (key, value) == ("packaging", "image") else _SAYS.get(key, "")


class _Block(Struct):
    """One table; what is too long for a line becomes a table of its own below it."""

    header: str
    explained: bool
    keys: list[tuple[str, Value, str]] = field(default_factory=list)
    below: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def add(self, key: str, value: Value | None) -> None:
        """Keep a key that has a value."""
        if value is None or (not isinstance(value, bool | int) and not value):
            return
        if isinstance(value, Mapping) and len(f"{key} = {_toml(value)}") > _WIDTH:
            self.below.append((key, value))
        else:
            self.keys.append((key, value, _said(key, value) if self.explained else ""))

    def tables(self) -> Iterator[str]:
        """The tables below, each with its header."""
        for key, value in self.below:
            yield ""
            yield f"[{self.header}.{key}]"
            yield from _aligned([(_key(name), one, "") for name, one in value.items()])


def _function(
    function: FunctionFound, common: Mapping[str, Value], prefix: str, *, explained: bool
) -> Iterator[str]:
    header = f"{prefix}.functions.{_key(function.name)}".lstrip(".")
    if function.handler is not None:
        yield f"# {function.where}"
    yield f"[{header}]"
    block = _Block(header=header, explained=explained)
    block.add("handler", function.handler)
    for key, value in _own(function).items():
        if common.get(key) != value:
            block.add(key, value)
    if function.handler is None:
        yield '# handler = "package.module.function"  # write this line: what Lambda calls'
    yield from _aligned(block.keys)
    for other in function.others:
        yield f"# handler = {_toml(other)}  # looks like one, too"
    if explained:
        there = {key for key, _, _ in block.keys}
        examples = [each for each in _OPTIONAL if each[0].partition(" ")[0] not in there]
        width = max((len(example) for example, _ in examples), default=0)
        yield from (f"# {example.ljust(width)}  # {why}" for example, why in examples)
    yield from block.tables()
    yield from _settings(function.settings, f"{header}.lambda", explained=explained)


def _own(function: FunctionFound) -> dict[str, Value | None]:
    return {
        **_base(function),
        "architecture": function.architecture,
        "packaging": function.packaging,
        "source": function.source,
        "include": function.include,
        "exclude": function.exclude,
        "lock": function.lock,
        "member": function.member,
        "groups": function.groups,
        "extras": function.extras,
        "extensions": function.extensions,
        "env": dict(function.env),
        "labels": dict(function.labels),
    }


def _settings(settings: LambdaSettings, header: str, *, explained: bool) -> Iterator[str]:
    block = _Block(header=header, explained=False)
    block.add("name", settings.name)
    block.add("memory", settings.memory)
    block.add("timeout", settings.timeout)
    block.add("storage", settings.storage)
    block.add("role", settings.role)
    block.add("description", settings.description)
    block.add("snapstart", settings.snapstart)
    block.add("layers", settings.layers)
    block.add("env", dict(settings.env or ()))
    if block.keys or block.below:
        yield ""
        yield f"[{header}]" + (f"  # {_SAYS['lambda']}" if explained else "")
        yield from _aligned(block.keys)
        yield from block.tables()


def _aligned(keys: Sequence[tuple[str, Value, str]]) -> Iterator[str]:
    """`key = value`, the comments behind them in one column where that keeps lines short."""
    written = [(_lines(key, value), why) for key, value, why in keys]
    ends = [len(lines[-1]) for lines, why in written if why]
    column = max((end for end in ends if end <= 40), default=0)
    for lines, why in written:
        *first, last = lines
        yield from first
        yield f"{last.ljust(column)}  # {why}" if why else last


def _lines(key: str, value: Value) -> list[str]:
    line = f"{key} = {_toml(value)}"
    if len(line) <= _WIDTH or isinstance(value, str | int | Mapping):
        return [line]
    return [f"{key} = [", *(f"    {_toml(item)}," for item in value), "]"]


def _toml(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            pairs = (f"{_key(key)} = {_toml(item)}" for key, item in value.items())
            return f"{{ {', '.join(pairs)} }}"
        case _:
            return f"[{', '.join(_toml(item) for item in value)}]"


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _toml(name)
