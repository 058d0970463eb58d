"""What `package.patterns` of a serverless.yml puts into a function.

https://www.serverless.com/framework/docs/providers/aws/guide/packaging
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from imagekit.project.survey.folder import Folder
from imagekit.project.survey.shipping import data_beside, everything
from imagekit.project.survey.values import Left
from imagekit.project.survey.yaml_nodes import Node

_ALL = frozenset({"**", "./**", "**/*", "./**/*", "*", "."})
# Never in an artefact of imagekit's, or nothing that its `source` would take.
_MEANINGLESS = ("node_modules", ".", "venv", "package.json", "package-lock.json", "__pycache__")


class Packaged(Struct, frozen=True, kw_only=True):
    """The three keys."""

    source: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    left: tuple[Left, ...]


class _Pattern(Struct, frozen=True):
    text: str
    out: bool
    line: int

    @property
    def fixed(self) -> str:
        """The folder in front of the first wildcard."""
        head = self.text.partition("*")[0]
        return head.rstrip("/") if head == self.text else head.rpartition("/")[0]


def packaged(tables: Sequence[Node], handler: str | None, folder: Folder, file: str) -> Packaged:
    """The keys of one function: the service's patterns and then its own."""
    patterns = [pattern for table in tables for pattern in _patterns(table)]
    wanted = [one for one in patterns if not one.out and one.text not in _ALL]
    only = any(one.out and one.text in _ALL for one in patterns)
    source = [] if only else list(everything(handler, folder))
    include = []
    left = []
    for one in wanted:
        if not folder.holds(one.fixed) and not folder.has(one.fixed):
            what = f"pattern {one.text} matches nothing here"
            todo = "name it in `include` once it is there"
            left.append(Left(where=f"{file}:{one.line}", what=what, todo=todo))
        elif one.fixed and "/" not in one.fixed and _is_code(one.fixed, folder):
            source.append(one.fixed)
        else:
            include.append(one.text)
    exclude, lost = _excluded(patterns, wanted, file)
    if not only and not wanted and (data := data_beside("", folder)):
        what = f"the whole folder goes in; imagekit takes modules and packages, not {data[0]}"
        todo = f'name what your code reads: `include = ["{data[0]}"]`'
        left.append(Left(where=f"{file}:1", what=what, todo=todo))
    return Packaged(
        source=tuple(dict.fromkeys(source)) or (everything(handler, folder) if not include else ()),
        include=tuple(dict.fromkeys(include)),
        exclude=exclude,
        left=(*left, *lost),
    )


def _patterns(table: Node) -> Iterator[_Pattern]:
    for key, out in (("patterns", False), ("include", False), ("exclude", True)):
        listed = table.get(key)
        for node in listed.each() if listed else ():
            if text := node.text:
                bare = text.removeprefix("!").removeprefix("./")
                yield _Pattern(bare, out or text.startswith("!"), node.line)


def _excluded(
    patterns: Sequence[_Pattern], wanted: Sequence[_Pattern], file: str
) -> tuple[tuple[str, ...], tuple[Left, ...]]:
    """`!…` as `exclude`, unless a later pattern brings some of it back: `exclude` always wins."""
    kept, left = [], []
    for one in patterns:
        if not one.out or one.text in _ALL or one.text.startswith(_MEANINGLESS):
            continue
        back = [other for other in wanted if _within(other.fixed, one.fixed)]
        if back and one.fixed:
            what = f"!{one.text} is taken back in part by {back[0].text}"
            todo = "in imagekit `exclude` always wins: name what is not meant there"
            left.append(Left(where=f"{file}:{one.line}", what=what, todo=todo))
        else:
            kept.append(one.text)
    return tuple(dict.fromkeys(kept)), tuple(left)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _is_code(top: str, folder: Folder) -> bool:
    """A module, or a folder with one somewhere in it."""
    if folder.has(top):
        return top.endswith(".py")
    return any(path.startswith(f"{top}/") and path.endswith(".py") for path in folder.files)
