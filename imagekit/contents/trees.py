"""The files of several packages as one tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from imagekit.contents.bytecode import bytecode_of
from imagekit.contents.install import wheel_tree
from imagekit.contents.slim.trim import dropped_of
from imagekit.model.package import Package
from imagekit.model.slim import WHOLE
from imagekit.model.tree import FileEntry, Tree
from imagekit.project.interpreter import Interpreter
from imagekit.store import Store


class Compiler(Struct, frozen=True, kw_only=True):
    """Who compiles bytecode, and in which pool; safe to use from threads."""

    interpreter: Interpreter
    pool: Executor

    def bytecode(self, tree: Tree, root: str) -> tuple[FileEntry, ...]:
        """The `.pyc` of `tree`, which will lie under `root`."""
        made = bytecode_of(tree, root=root, interpreter=self.interpreter, pool=self.pool)
        return made.entries


def packages_tree(
    packages: Iterable[Package], wheel_path: Callable[[Package], Path], store: Store
) -> Tree:
    """Every file of the packages as it is shipped, without bytecode; BadWheel, PathCollisions."""
    trees = (package_tree(package, wheel_path(package), store) for package in packages)
    return Tree.of(entry for tree in trees for entry in tree)


def package_tree(package: Package, path: Path, store: Store) -> Tree:
    """The files of the wheel at `path` as they are shipped: slimmed, and without symbols."""
    tree = wheel_tree(package, path)
    if package.slim.symbols is None:
        return tree
    # Reading shared objects costs some imports: for those who strip them.
    from imagekit.contents.slim.lighter import lightened, lighters

    whole = wheel_tree(replace(package, slim=WHOLE), path)
    return lightened(tree, package, lighters(package, whole, store), store)


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


def lighter_entries(
    packages: Iterable[Package], wheel_path: Callable[[Package], Path], store: Store
) -> Tree:
    """The shared objects that are shipped without symbols, and links to them; BadWheel."""
    from imagekit.contents.slim.lighter import Stripped

    tree = packages_tree(packages, wheel_path, store)
    return Tree(tuple(one for one in tree if one.link_target or isinstance(one.content, Stripped)))
