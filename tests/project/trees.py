"""Small projects on disk for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagekit.model.tree import Tree
from imagekit.project.config import FunctionConfig
from imagekit.project.source import source_tree


def put(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files under `root`, folders included; a name with a final slash is a folder."""
    for name, content in files.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def function(root: Path, **keys: Any) -> FunctionConfig:
    """A function of the project at `root`."""
    given = {"name": "scoring", "handler": "scoring.app.handler"} | keys
    return FunctionConfig(root=root, where="pyproject.toml: tool.imagekit.functions.x", **given)


def tree_of(root: Path, **keys: Any) -> Tree:
    """What the function ships."""
    return source_tree(function(root, **keys))


def paths(root: Path, **keys: Any) -> list[str]:
    """The paths that the function ships, sorted."""
    return [entry.path for entry in tree_of(root, **keys)]
