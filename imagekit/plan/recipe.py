"""Fingerprints: a layer is a pure function of its recipe (decision 4)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from imagekit.model.digest import Digest
from imagekit.model.image import LAYER_FORMAT
from imagekit.model.package import Package
from imagekit.model.tree import FileEntry

COMPRESSOR = "libdeflate-0.9.0/1"
"""Pinned: another version or level may write other bytes (decision 2)."""


def packages_fingerprint(packages: Iterable[Package], *, root: str, bytecode: str | None) -> Digest:
    """Of a layer of wheels. `bytecode` is the full version of the CPython that compiles."""
    return _fingerprint(
        wheels=sorted(package.recipe for package in packages),
        root=root,
        bytecode=bytecode,
    )


def source_fingerprint(entries: Iterable[FileEntry], *, root: str, bytecode: str | None) -> Digest:
    """Of the layer that holds the project's own files; reads every one of them."""
    files = [
        [entry.path, entry.executable, entry.link_target, Digest.of(entry.content.read()).hex]
        for entry in entries
    ]
    return _fingerprint(files=files, root=root, bytecode=bytecode)


def _fingerprint(**recipe: object) -> Digest:
    full = {"format": LAYER_FORMAT, "compressor": COMPRESSOR, **recipe}
    return Digest.of(json.dumps(full, sort_keys=True, separators=(",", ":")).encode())
