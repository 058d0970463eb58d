"""The build context: everything that a Dockerfile of ours names, and nothing else.

    Dockerfile  .dockerignore
    tools/uv  tools/settle.py           mounted while wheels are installed
    layers/NAME/*.whl                   mounted, one folder for each layer's step, with
        bytecode.tar dropped.json lighter.tar
    source.tar                          the project's files, unpacked by ADD

No index, no lock and no credential is in it. Wheels are linked from the store, not copied.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from imagekit.contents.trees import Compiler, dropped_paths, lighter_entries, packages_tree
from imagekit.engines.docker.recipe import (
    BYTECODE,
    DROPPED,
    LIGHTER,
    SOURCE,
    TOOLS,
    folder_of,
    is_lighter,
    is_slimmed,
)
from imagekit.model.digest import Digest
from imagekit.model.package import Package
from imagekit.model.tree import Tree
from imagekit.oci.tar import tar_bytes
from imagekit.plan.build_plan import BuildPlan, LayerPlan
from imagekit.store import Store

BASE_ARCHIVE = "base.tar"
"""Beside the context where no registry has the base: `docker load` takes it."""

_KIND = "bytecode-tar"
_IGNORED = f"{BASE_ARCHIVE}\n.dockerignore\nDockerfile\n"


class ContextMaker(Struct, frozen=True, kw_only=True):
    """Writes the context of one plan."""

    store: Store
    wheel_path: Callable[[Package], Path]
    """Where a wheel lies that was fetched and checked."""
    compiler: Compiler | None
    """None ships no bytecode."""
    uv: Path | None
    """The program for the image's platform; None where no layer has a package."""
    link: bool = True
    """Name the store's own files, for a builder that only reads them; else they are copied."""

    def write(self, plan: BuildPlan, dockerfile: str, folder: Path) -> None:
        """Fill `folder`, which is empty. Raises BadWheel, PathCollisions, CommandFailed."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8", newline="\n")
        (folder / ".dockerignore").write_text(_IGNORED, encoding="utf-8", newline="\n")
        if self.uv is not None:
            tools = folder / TOOLS
            tools.mkdir()
            self._put(self.uv, tools / "uv")
            (tools / "settle.py").write_text(_settle(), encoding="utf-8", newline="\n")
        for layer in plan.layers:
            if layer.packages:
                self._write_layer(layer, folder / folder_of(layer))
            else:
                self._write_source(layer, folder / SOURCE)

    def _write_layer(self, layer: LayerPlan, folder: Path) -> None:
        folder.mkdir(parents=True)
        for package in layer.packages:
            self._put(self.wheel_path(package), folder / package.wheel.filename)
        if is_slimmed(layer):
            dropped = json.dumps(dropped_paths(layer.packages, self.wheel_path))
            (folder / DROPPED).write_text(dropped, encoding="utf-8", newline="\n")
        if is_lighter(layer):
            lighter = lighter_entries(layer.packages, self.wheel_path, self.store)
            (folder / LIGHTER).write_bytes(tar_bytes(lighter, "/"))
        if self.compiler is not None:
            self._put(self.store.blob_path(self._bytecode(layer, self.compiler)), folder / BYTECODE)

    def _bytecode(self, layer: LayerPlan, compiler: Compiler) -> Digest:
        """A tar of the layer's `.pyc`, in the store: compiled once for each recipe."""
        key = layer.fingerprint.hex
        found = self.store.record(_KIND, key)
        if found is not None:
            with suppress(ValueError):
                digest = Digest.parse(str(found.get("digest")))
                if self.store.has_blob(digest):
                    return digest
        tree = packages_tree(layer.packages, self.wheel_path, self.store)
        made = Tree.of(compiler.bytecode(tree, layer.root))
        digest = self.store.put_blob(tar_bytes(made, "/"))
        self.store.put_record(_KIND, key, {"digest": str(digest)})
        return digest

    def _write_source(self, layer: LayerPlan, path: Path) -> None:
        tree = layer.files or Tree()
        if self.compiler is not None:
            tree = Tree.of([*tree, *self.compiler.bytecode(tree, layer.root)])
        path.write_bytes(tar_bytes(tree, layer.root))

    def _put(self, source: Path, target: Path) -> None:
        if self.link:
            try:
                os.link(source, target)
            except OSError:  # another file system, or one without links
                shutil.copy2(source, target)
        else:
            shutil.copy2(source, target)


def _settle() -> str:
    from importlib.resources import files

    return files("imagekit.engines.docker").joinpath("settle.py").read_text("utf-8")
