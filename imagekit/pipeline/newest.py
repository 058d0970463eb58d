"""Where the newest build of a function lies: what the last build made, else what is in `dist`."""

from __future__ import annotations

from pathlib import Path

from imagekit.model.errors import UsageError
from imagekit.pipeline.last_build import LastBuild, last_build
from imagekit.pipeline.named import SUFFIXES, InDocker, InRegistry
from imagekit.project.config import FunctionConfig
from imagekit.store import Store

Place = Path | InRegistry | InDocker


def newest(store: Store, root: Path, function: FunctionConfig) -> Place:
    """A file before what has to be fetched; UsageError where nothing was built.

    A file's time says little, as what did not change is not written again: it decides only between
    architectures, and where no build is on record, or what is on record is gone.
    """
    places = [
        place
        for architecture in function.architectures
        if (built := last_build(store, root, function.name, architecture))
        and (place := _place(built, loaded_name(function, architecture)))
    ]
    if files := [place for place in places if isinstance(place, Path)]:
        return max(files, key=_written)
    return places[0] if places else _lying(root / "dist", function)


def loaded_name(function: FunctionConfig, architecture: str) -> str:
    """What `build --load` calls the image in Docker."""
    several = len(function.architectures) > 1
    name = f"{function.name}-{architecture}" if several else function.name
    return f"{name.lower()}:latest"


def _place(built: LastBuild, loaded: str) -> Place | None:
    """None where it is not there any more."""
    if built.path is not None and built.path.exists():
        return built.path
    if built.reference is not None:
        return InRegistry(built.reference)
    # Neither written nor pushed: `build --load`.
    return InDocker(loaded) if built.path is None else None


def _lying(folder: Path, function: FunctionConfig) -> Path:
    names = (function.name, *(f"{function.name}-{arch}" for arch in function.architectures))
    paths = (folder / f"{name}{suffix}" for name in names for suffix in SUFFIXES)
    found = [path for path in paths if path.exists()]
    if not found:
        raise UsageError(
            what=f"{function.name} was not built yet in {folder}",
            hint=f"imagekit build {function.name}",
        )
    return max(found, key=_written)


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns
