"""A plan as a ZIP: all layers in one archive, with as much bytecode as the limit allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagekit.bundle.compiled import bytecode_of
from imagekit.bundle.zip import write_zip
from imagekit.contents.trees import Compiler, packages_tree
from imagekit.model.digest import Digest
from imagekit.model.package import Package
from imagekit.model.tree import FileEntry, Tree
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.plan.packaging import fitting
from imagekit.store import Store

_KIND = "zip"


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeZip:
    """A ZIP in the store."""

    digest: Digest
    size_bytes: int
    unzipped_bytes: int
    without_bytecode: tuple[str, ...] = ()
    """Parts whose bytecode did not fit below the limit."""
    new: bool = True
    """It was made in this run, not found."""


def make_zip(
    plan: BuildPlan,
    store: Store,
    wheel_path: Callable[[Package], Path],
    compiler: Compiler | None,
) -> MadeZip:
    """The ZIP of a plan, made unless the store has it. PathCollisions, BadWheel, CannotBuild."""
    key = Digest.of("\n".join(layer.fingerprint.hex for layer in plan.layers).encode()).hex
    if known := _known(store, key):
        return known
    parts = [_Part.of(layer, store, wheel_path, compiler) for layer in plan.layers]
    sizes = [(part.name, part.bytecode_bytes) for part in parts]
    plain = sum(part.plain.size_bytes for part in parts)
    kept = fitting(plain, sizes, plan.limit_bytes)
    tree = Tree.of(entry for part in parts for entry in part.entries(part.name in kept))
    with store.folder() as folder:
        facts = write_zip(tree, folder / "made.zip")
        store.adopt(folder / "made.zip", facts.digest)
    made = MadeZip(
        digest=facts.digest,
        size_bytes=facts.size_bytes,
        unzipped_bytes=facts.unzipped_bytes,
        without_bytecode=tuple(name for name, size in sizes if size and name not in kept),
    )
    _keep(store, key, made)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    name: str
    plain: Tree
    bytecode: Sequence[FileEntry]

    @classmethod
    def of(
        cls,
        layer: LayerPlan,
        store: Store,
        wheel_path: Callable[[Package], Path],
        compiler: Compiler | None,
    ) -> _Part:
        plain = layer.files or packages_tree(layer.packages, wheel_path)
        bytecode = bytecode_of(layer, plain, compiler, store) if compiler else ()
        return cls(name=layer.name, plain=plain, bytecode=bytecode)

    @property
    def bytecode_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.bytecode)

    def entries(self, with_bytecode: bool) -> Sequence[FileEntry]:
        return [*self.plain, *(self.bytecode if with_bytecode else ())]


def _known(store: Store, key: str) -> MadeZip | None:
    match store.record(_KIND, key):
        case {
            "digest": str(digest),
            "size_bytes": int(size),
            "unzipped_bytes": int(unzipped),
            "without_bytecode": list(without),
        } if store.has_blob(Digest(digest), size):
            return MadeZip(
                digest=Digest(digest),
                size_bytes=size,
                unzipped_bytes=unzipped,
                without_bytecode=tuple(without),
                new=False,
            )
    return None


def _keep(store: Store, key: str, made: MadeZip) -> None:
    value: dict[str, object] = {
        "digest": made.digest.hex,
        "size_bytes": made.size_bytes,
        "unzipped_bytes": made.unzipped_bytes,
        "without_bytecode": list(made.without_bytecode),
    }
    store.put_record(_KIND, key, value)
