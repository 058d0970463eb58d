"""A project on disk with a folder of wheels in place of an index, and uv with its calls counted."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from msgspec import Struct

from imagekit.model.target import Architecture, Target
from imagekit.project.config import FunctionConfig
from imagekit.project.locks import Resolution, find, resolve
from imagekit.project.uv import Uv, locate
from imagekit.store import Store
from tests.services.needs import USER_ENVIRON
from tests.services.wheels import make_wheel

# Builds a wheel of src/ with no network; TAG is the wheel's tag, beside the project.
BACKEND = """\
import base64, hashlib, os, pathlib, tomllib, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    tag = pathlib.Path("TAG").read_text().strip() if os.path.exists("TAG") else "py3-none-any"
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    files = {p.relative_to("src").as_posix(): p.read_bytes() for p in pathlib.Path("src").rglob("*")
             if p.is_file()}
    files[f"{stem}.dist-info/METADATA"] = (
        f"Metadata-Version: 2.1\\nName: {project['name']}\\nVersion: {project['version']}\\n"
        + "".join(f"Requires-Dist: {r}\\n" for r in project.get("dependencies", []))).encode()
    files[f"{stem}.dist-info/WHEEL"] = (
        f"Wheel-Version: 1.0\\nGenerator: {os.getpid()}\\nRoot-Is-Purelib: true\\nTag: {tag}\\n"
    ).encode()
    pathlib.Path("build-was-here").write_text("x")
    with zipfile.ZipFile(os.path.join(folder, f"{stem}-{tag}.whl"), "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return f"{stem}-{tag}.whl"

def build_sdist(folder, config_settings=None):
    import io, tarfile
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    with tarfile.open(os.path.join(folder, stem + ".tar.gz"), "w:gz") as tar:
        for path in ("pyproject.toml", "backend.py", "src"):
            tar.add(path, f"{stem}/{path}")
        info = tarfile.TarInfo(f"{stem}/PKG-INFO")
        data = f"Metadata-Version: 2.2\\nName: {project['name']}\\nVersion: {project['version']}\\n"
        info.size = len(data.encode())
        tar.addfile(info, io.BytesIO(data.encode()))
    return stem + ".tar.gz"
"""

BUILD_SYSTEM = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


class World(Struct, frozen=True):
    """A scratch folder: `project/`, `wheels/`, `store/`, and uv's calls in `calls`."""

    root: Path

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def wheels(self) -> Path:
        return self.root / "wheels"

    @property
    def store(self) -> Store:
        return Store(self.root / "store")

    def write(self, name: str, text: str) -> Path:
        """A text file in the project."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def wheel(self, name: str, version: str = "1.0", tag: str = "py3-none-any") -> Path:
        """A wheel in the folder that uv takes packages from."""
        body = f"VERSION = {version!r}\nTAG = {tag!r}\n".encode()
        return make_wheel(self.wheels, name, version, {f"{name}.py": body}, tag=tag)

    def own(self, folder: str, name: str, version: str = "1.0", more: str = "") -> Path:
        """A project that builds without a network; `more` goes into its `[project]` table."""
        text = f'[project]\nname = "{name}"\nversion = "{version}"\n{more}\n'
        self.write(f"{folder}/pyproject.toml", text + BUILD_SYSTEM)
        self.write(f"{folder}/backend.py", BACKEND)
        self.write(f"{folder}/src/{name}/__init__.py", f"NAME = {name!r}\n")
        return self.project / folder

    def environ(self) -> dict[str, str]:
        """The user's, with uv behind a front that counts, and nothing of the user's cache."""
        kept = {key: text for key, text in USER_ENVIRON.items() if not key.startswith("UV")}
        front = self.root / "uv"
        if not front.exists():
            real = locate(kept)
            front.write_text(f'#!/bin/sh\necho "$@" >> "{self.root}/calls"\nexec "{real}" "$@"\n')
            front.chmod(0o755)
        return kept | {"UV": str(front), "UV_CACHE_DIR": str(self.root / "uv-cache")}

    def uv(self) -> Uv:
        """uv as the tests run it, on the Python that runs them."""
        return Uv(environ=self.environ(), folder=self.project, python=sys.executable)

    def calls(self) -> list[str]:
        """The arguments of every uv that ran."""
        path = self.root / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def lock(self) -> Path:
        """`uv lock` in the project."""
        self.uv().run("lock", "--python", sys.executable)
        return self.project / "uv.lock"

    def resolve(
        self,
        function: FunctionConfig | None = None,
        target: Target | None = None,
        pinned: str | None = None,
    ) -> Resolution:
        """Find the function's lock and resolve it."""
        function = function or self.function()
        lock = find(function, self.project)
        target = target or Target.managed("3.13", "x86_64")
        return resolve(lock, function, target, store=self.store, uv=self.uv(), pinned=pinned)

    def function(
        self,
        folder: str = ".",
        *,
        groups: tuple[str, ...] = (),
        extras: tuple[str, ...] = (),
        member: str | None = None,
        lock: Path | None = None,
    ) -> FunctionConfig:
        """A function whose configuration lies in `folder`."""
        return FunctionConfig(
            name="scoring",
            handler="app.handler",
            root=self.project / folder,
            groups=groups,
            extras=extras,
            member=member,
            lock=lock,
        )


def make_world(root: Path) -> World:
    """An empty project whose uv knows no index but `wheels/`."""
    world = World(root)
    world.project.mkdir(parents=True)
    world.wheels.mkdir()
    world.write("uv.toml", 'no-index = true\nfind-links = ["../wheels"]\n')
    return world


def pyproject(*dependencies: str, more: str = "", python: str = ">=3.11") -> str:
    """The text of a pyproject.toml."""
    listed = ", ".join(f"'{dependency}'" for dependency in dependencies)
    head = f'[project]\nname = "scoring"\nversion = "0.1"\nrequires-python = "{python}"\n'
    return f"{head}dependencies = [{listed}]\n{more}"


def names(resolution: Resolution) -> list[str]:
    """The names of the packages, in order."""
    return [package.name for package in resolution.packages]


def files(resolution: Resolution) -> dict[str, str]:
    """Name to file name, or to what kind of source it is."""
    return {
        package.name: getattr(package.origin, "filename", type(package.origin).__name__)
        for package in resolution.packages
    }


def target(architecture: Architecture = "x86_64", python: str = "3.13") -> Target:
    """The managed runtime's."""
    return Target.managed(python, architecture)


def without_programs(environ: dict[str, str]) -> dict[str, str]:
    """An environment in which nothing can be started by name."""
    return environ | {"PATH": os.devnull}
