"""Small plans of ZIPs, as values."""

from __future__ import annotations

from imagekit.model.digest import Digest
from imagekit.model.package import Artifact, Package
from imagekit.model.target import Target
from imagekit.model.tree import Bytes, FileEntry, Tree
from imagekit.plan.build_plan import BuildPlan, LayerPlan

LIMIT = 262_144_000


def package(name: str) -> Package:
    """Version 1.0 of it, from a wheel that nobody reads."""
    wheel = Artifact(filename=f"{name}.whl", url="file:x", digest=Digest.of(name.encode()))
    return Package(name=name, version="1.0", wheel=wheel)


def app(size_bytes: int) -> Tree:
    """The source: one module of so many bytes."""
    content = Bytes(b"x" * size_bytes)
    entry = FileEntry(path="app.py", size_bytes=size_bytes, owner="source", content=content)
    return Tree((entry,))


def layer(name: str, *packages: Package, size_bytes: int, files: Tree | None = None) -> LayerPlan:
    """A layer of packages, or of the source."""
    return LayerPlan(
        name=name,
        kind="packages" if packages else "source",
        packages=packages,
        root="/var/task",
        why="",
        fingerprint=Digest.of(f"layer {name}".encode()),
        unzipped_bytes=size_bytes,
        files=files,
    )


def zip_plan(*layers: LayerPlan) -> BuildPlan:
    """A ZIP of these layers for Python 3.13, with bytecode."""
    return BuildPlan(
        function="app",
        handler="app.handler",
        target=Target.managed("3.13", "x86_64"),
        packaging="zip",
        why="",
        base=None,
        bytecode="3.13.0",
        layers=layers,
        settings=None,
        limit_bytes=LIMIT,
    )
