"""The configuration, read and checked: `[tool.imagekit]` or `imagekit.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imagekit.model.target import Architecture

Packaging = Literal["auto", "image", "zip", "zip-layers", "zip-nested", "zip-s3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionConfig:
    """One function, with the project's keys already folded in; its own keys win."""

    name: str
    handler: str
    root: Path
    """The folder whose configuration names it: relative paths start here."""
    source: tuple[str, ...] | None = None
    """None: `src/*`, else the packages and modules beside the configuration."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    member: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    base: str | None = None
    python: str | None = None
    architectures: tuple[Architecture, ...] = ("x86_64",)
    repository: str | None = None
    packaging: Packaging = "auto"
    bytecode: bool = True
    lock: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectConfig:
    """One project: a folder with a configuration, and its functions."""

    path: Path
    """The file that was read."""
    root: Path
    functions: tuple[FunctionConfig, ...]
