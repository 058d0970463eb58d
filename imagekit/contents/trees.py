"""The files of several packages as one tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from imagekit.contents.bytecode import bytecode_of
from imagekit.contents.install import wheel_tree
from imagekit.contents.slim.trim import dropped_of
from imagekit.model.package import Package
from imagekit.model.slim import WHOLE
from imagekit.model.tree import FileEntry, Tree
from imagekit.project.interpreter import Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """Who compiles bytecode, and in which pool; safe to use from threads."""

    interpreter: Interpreter
    pool: Executor

    def bytecode(self, tree: Tree, root: str) -> tuple[FileEntry, ...]:
        """The `.pyc` of `tree`, which will lie under `root`."""
        made = bytecode_of(tree, root=root, interpreter=self.interpreter, pool=self.pool)
        return made.entries


def packages_tree(packages: Iterable[Package], wheel_path: Callable[[Package], Path]) -> Tree:
    """Every file of the packages, without bytecode; BadWheel, PathCollisions."""
    trees = (wheel_tree(package, wheel_path(package)) for package in packages)
    return Tree.of(entry for tree in trees for entry in tree)


def dropped_paths(
    packages: Iterable[Package], wheel_path: Callable[[Package], Path]
) -> tuple[str, ...]:
    """Every file of the wheels that slimming leaves out, sorted; BadWheel."""
    dropped = (
        one
        for package in packages
        for one in dropped_of(
            ((entry.path, entry.size_bytes) for entry in _whole(package, wheel_path)), package
        )
    )
    return tuple(sorted({one.path for one in dropped}))


def _whole(package: Package, wheel_path: Callable[[Package], Path]) -> Tree:
    return wheel_tree(replace(package, slim=WHOLE), wheel_path(package))
