"""Projects of `invoke` and `serve`: one store and one index for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from tests.e2e.projects import Project, write_project, write_pylock
from tests.services.containers import forget
from tests.services.index import Index
from tests.services.wheels import make_wheel


class Written(Struct, frozen=True, kw_only=True):
    """What a project says, beside its base."""

    functions: str
    """Tables of the configuration."""
    files: Mapping[str, str]
    names: tuple[str, ...]
    """Of its functions: their images are taken out of the engine in the end."""


@contextmanager
def project_here(
    folder: Path, written: Written, *, base: str, engine: str, uv_cache: Path
) -> Iterator[Project]:
    """An image project over the package `demo`, on `base`."""
    wheels = folder / "wheels"
    make_wheel(wheels, "demo", "1.0", {"demo/__init__.py": b"ANSWER = 42\n"})
    keys = {"base": base, "packaging": "image", "bytecode": False}
    here = write_project(folder / "project", keys=keys, files=written.files)
    config = here / "imagekit.toml"
    said = config.read_text(encoding="utf-8").partition("[functions")[0]
    config.write_text(said + written.functions, encoding="utf-8")
    with Index(wheels) as index:
        write_pylock(here, wheels.glob("*.whl"), index)
        env = {
            "UV_DEFAULT_INDEX": index.url,
            "UV_CACHE_DIR": str(uv_cache),
            "UV_PYTHON_DOWNLOADS": "never",
            "DOCKER_HOST": engine,
            "IMAGEKIT_CACHE_DIR": str(folder / "store"),
        }
        yield Project(folder=here, env=env)
    for name in written.names:
        forget(engine, f"imagekit-local/{name}:latest")
