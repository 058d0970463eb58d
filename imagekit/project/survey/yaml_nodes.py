"""YAML with the line of every value, and without acting on its tags.

CloudFormation's short forms (`!Ref`, `!Sub`) are tags of its own: PyYAML composes them into nodes,
and no constructor ever runs.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from imagekit.model.errors import ConfigError, Problem

_CORE = "tag:yaml.org,2002:"
_MERGE = f"{_CORE}merge"
_KINDS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "value", "seq", "map"})


class Node(Struct, frozen=True):
    """A value of a YAML file. Every reader gives None where the value is of another kind."""

    value: str | tuple[Node, ...] | Mapping[str, Node]
    line: int
    """From 1."""
    kind: str = "str"
    """Of a scalar: str, int, float, bool, null."""
    tag: str = ""
    """A tag that is not YAML's own: `!Ref`."""

    def get(self, *keys: str) -> Node | None:
        """The value under these keys, one inside the other."""
        found: Node | None = self
        for key in keys:
            inside = found.value if found is not None and not found.tag else None
            found = inside.get(key) if isinstance(inside, Mapping) else None
        return None if found is None or found.kind == "null" else found

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of a mapping; nothing where it is none."""
        if isinstance(self.value, Mapping) and not self.tag:
            yield from self.value.items()

    def each(self) -> tuple[Node, ...]:
        """The items of a list; none where it is no list."""
        return self.value if isinstance(self.value, tuple) and not self.tag else ()

    @property
    def text(self) -> str | None:
        """A scalar as it is written; a flag as CloudFormation writes one, in lower case."""
        if self.tag or not isinstance(self.value, str) or self.kind == "null":
            return None
        return self.value.lower() if self.kind == "bool" else self.value

    @property
    def number(self) -> int | None:
        """A whole number, in quotes or not."""
        text = self.text
        return int(text) if text is not None and text.isascii() and text.isdecimal() else None

    @property
    def computed(self) -> str | None:
        """The function that computes the value when a stack is made: `Ref`, `Sub`, `GetAtt`."""
        if self.tag.startswith("!"):
            return self.tag[1:]
        if isinstance(self.value, Mapping) and len(self.value) == 1:
            (key,) = self.value
            if key in ("Ref", "Condition") or key.startswith("Fn::"):
                return key.removeprefix("Fn::")
        return None

    @property
    def argument(self) -> str | None:
        """What the function of a `computed` value is given, where that is text."""
        if self.tag:
            return self.value if isinstance(self.value, str) else None
        if isinstance(self.value, Mapping):
            return next(iter(self.value.values())).text
        return None


def read_yaml(text: str, file: str) -> Node:
    """The document in `text`; ConfigError with the line where it is not one YAML document."""
    import yaml

    try:
        composed: Any = yaml.compose(text, Loader=yaml.SafeLoader)
        return _Reader(file).read(composed) if composed is not None else Node({}, 1)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"not YAML: {error.problem or error.context}"
        raise _refused(file, mark.line + 1 if mark else 1, what) from error
    except yaml.YAMLError as error:  # characters that YAML does not allow
        raise _refused(file, 1, f"not YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise _refused(file, 1, "is nested too deeply") from error


class _Reader(Struct):
    """Turns PyYAML's nodes into ours, each once: aliases share what they stand for."""

    file: str
    done: dict[int, Node] = field(default_factory=dict)
    under_way: set[int] = field(default_factory=set)

    def read(self, node: Any) -> Node:
        line = node.start_mark.line + 1
        if id(node) in self.under_way:
            raise _refused(self.file, line, "an alias that holds itself")
        if id(node) not in self.done:
            self.under_way.add(id(node))
            self.done[id(node)] = self.convert(node, line)
            self.under_way.remove(id(node))
        return self.done[id(node)]

    def convert(self, node: Any, line: int) -> Node:
        kind = str(node.tag).removeprefix(_CORE)
        tag = "" if kind in _KINDS else str(node.tag)
        if node.id == "scalar":
            return Node(str(node.value), line, "str" if tag else kind, tag)
        if node.id == "sequence":
            return Node(tuple(self.read(item) for item in node.value), line, "list", tag)
        return Node(self.pairs(node), line, "map", tag)

    def pairs(self, node: Any) -> dict[str, Node]:
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                # https://yaml.org/type/merge.html: earlier ones win over later ones.
                for one in value.value if value.id == "sequence" else [value]:
                    merged = dict(self.read(one).items()) | merged
            else:
                # A table stands where its name does, not where its first key does.
                line = key.start_mark.line + 1
                own[str(key.value)] = replace(self.read(value), line=line)
        return merged | own


def _refused(file: str, line: int, what: str) -> ConfigError:
    problem = Problem(f"{file}:{line}", what)
    return ConfigError(problems=(problem,), hint=f"correct line {line} of {file}")
