"""One layer of a plan, as files that go into an archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from imagekit.bundle.compiled import bytecode_of, source_of
from imagekit.bundle.zip import unzipped_bytes
from imagekit.contents.trees import Compiler, packages_tree
from imagekit.model.package import Package
from imagekit.model.tree import FileEntry, Tree
from imagekit.plan.build_plan import LayerPlan
from imagekit.plan.bytecode import Choice
from imagekit.store import Store


class Part(Struct, frozen=True, kw_only=True):
    """A layer's files as they are shipped, and all of their bytecode."""

    layer: LayerPlan
    plain: Tree
    bytecode: Sequence[FileEntry]

    @classmethod
    def of(
        cls,
        layer: LayerPlan,
        store: Store,
        wheel_path: Callable[[Package], Path],
        compiler: Compiler | None,
    ) -> Part:
        """Read the wheels, and compile what the store has not. BadWheel, PathCollisions."""
        plain = layer.files or packages_tree(layer.packages, wheel_path, store)
        bytecode = bytecode_of(layer, plain, compiler, store) if compiler else ()
        return cls(layer=layer, plain=plain, bytecode=bytecode)

    @property
    def name(self) -> str:
        """The layer's."""
        return self.layer.name

    def entries(self, choice: Choice | None = None) -> Iterator[FileEntry]:
        """With the bytecode that was chosen, or all of it."""
        yield from self.plain
        for entry in self.bytecode:
            if choice is None or source_of(entry.path) in choice.paths:
                yield entry

    def unzipped_bytes(self, choice: Choice) -> int:
        """With the bytecode that was chosen."""
        return sum(map(unzipped_bytes, self.entries(choice)))
