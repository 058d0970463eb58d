"""Which `docker` command can build with BuildKit: found out by asking, never assumed.

`docker buildx build` where the plugin is there. Without it, clients from 18.09 to 22 build with the
engine's own BuildKit under DOCKER_BUILDKIT=1; later ones have no BuildKit but the plugin.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from imagekit.model.errors import CannotBuild, CommandFailed
from imagekit.project.command import run

Kind = Literal["buildx", "built-in", "classic"]

_VERSION = re.compile(r"Docker version (\d+)\.(\d+)")
_FIRST_BUILT_IN = (18, 9)
_FIRST_WITHOUT = (23, 0)
_SECONDS = 30


class Builder(Struct, frozen=True, kw_only=True):
    """Who builds, and how to start it."""

    kind: Kind
    argv: tuple[str, ...] = ()
    """What stands before the options; nothing for the classic builder, which the SDK asks."""
    why: str = ""
    """Of the classic builder: why no better one."""


def find_builder(environ: Mapping[str, str], folder: Path) -> Builder:
    """The best builder of this machine: the first client on PATH with buildx, else the first with
    a BuildKit of its own, else the classic builder. DOCKER_BUILDKIT=0 asks for the classic one.

    Clients are started in `folder`.
    """
    if environ.get("DOCKER_BUILDKIT") == "0":
        return Builder(kind="classic", why="DOCKER_BUILDKIT is 0")
    without: list[str] = []
    built_in: Builder | None = None
    for client in _clients(environ):
        if _said((client, "buildx", "version"), environ, folder) is not None:
            return Builder(kind="buildx", argv=(client, "buildx", "build"))
        version = _version(client, environ, folder)
        if built_in is None and version and _FIRST_BUILT_IN <= version < _FIRST_WITHOUT:
            built_in = Builder(kind="built-in", argv=(client, "build"))
        else:
            without.append(client)
    if built_in is not None:
        return built_in
    found = (
        f"{', '.join(without)} has no buildx plugin" if without else "there is no docker command"
    )
    return Builder(kind="classic", why=found)


def _clients(environ: Mapping[str, str]) -> Iterator[str]:
    """Every `docker` on PATH, each program once: another one may lie behind the first."""
    seen: set[Path] = set()
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        client = shutil.which("docker", path=folder) if folder else None
        if client is not None and (real := Path(client).resolve()) not in seen:
            seen.add(real)
            yield client


def _version(client: str, environ: Mapping[str, str], folder: Path) -> tuple[int, int] | None:
    said = _said((client, "--version"), environ, folder)
    found = _VERSION.search(said or "")
    return (int(found[1]), int(found[2])) if found else None


def _said(argv: tuple[str, ...], environ: Mapping[str, str], folder: Path) -> str | None:
    """What a client answers; None where it does not know the word. No engine is asked."""
    try:
        return run(argv, cwd=folder, environ=environ, timeout_seconds=_SECONDS)
    except (CommandFailed, CannotBuild):
        return None
