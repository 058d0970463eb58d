"""What all contenders build from: the same wheels on disk, the same base, the same project."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from imagekit.bases.bytecode import argv_in, unpack
from tests.services import debian, scoring
from tests.services.images import put_image
from tests.services.wheels import with_version

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "scoring"
BUMPED = "boto3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Folders and names that contenders read."""

    folder: Path
    registry: str
    wheels: Path
    uv: Path
    pyenv: Path
    """Its one version is the base's CPython, so that all compile with the same one."""

    @property
    def base(self) -> str:
        """The base's reference; already in the registry."""
        return f"{self.registry}/base:trixie"


def gather(folder: Path, cache: Path, registry: str) -> Material:
    """Download the wheels once, compose the base once; both are kept in `cache`."""
    machine = platform.machine()
    environ = dict(os.environ)
    fetched = scoring.fetch(
        cache / "scoring-wheels", EXAMPLE / "requirements.txt", machine, environ
    )
    client = scoring.fetch_runtime_client(cache / "runtime-client", machine, environ)
    wheels = folder / "wheels"
    wheels.mkdir()
    for wheel in sorted([*fetched.glob("*.whl"), *client.glob("*.whl")]):
        if wheel.stem.endswith(("any", machine)):
            shutil.copy(wheel, wheels)
    uv = shutil.which("uv")
    if uv is None:
        raise SystemExit("uv is not on PATH")
    pyenv = base_python(folder / "base-python", cache)
    return Material(folder=folder, registry=registry, wheels=wheels, uv=Path(uv), pyenv=pyenv)


def base_python(folder: Path, cache: Path) -> Path:
    """A pyenv root whose one version starts the base's CPython on this machine."""
    unpack(debian.rootfs_layer(cache).path, folder / "root")
    start = argv_in(folder / "root")
    probe = "import platform; print(platform.python_version())"
    version = run([*start, "-c", probe]).strip()
    program = folder / "pyenv" / "versions" / version / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.join(start)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder / "pyenv"


def push_base(registry: str, cache: Path) -> str:
    """Put Debian with Python 3.13 into the registry as `base:trixie`."""
    return put_image(registry, "base:trixie", [debian.rootfs_layer(cache)], debian.DEBIAN_CONFIG)


def copy_project(material: Material, name: str) -> Path:
    """A contender's own copy of examples/scoring, its wheels beside the code."""
    project = material.folder / name
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("dist", "imagekit.lock"))
    shutil.copytree(material.wheels, project / "wheels")
    client = next(material.wheels.glob("awslambdaric-*.whl"))
    (project / "runtime-client.txt").write_text(
        f"awslambdaric=={client.name.split('-')[1]}\n", encoding="utf-8"
    )
    return project


def change_code(project: Path, number: int) -> None:
    """Another line of code in the handler's module."""
    module = project / "src" / "scoring" / "app.py"
    text = re.sub(r"\nREVISION = .*\n", "\n", module.read_text(encoding="utf-8"))
    module.write_text(f"{text.rstrip()}\nREVISION = {number}\n", encoding="utf-8")


def bump(project: Path, number: int) -> None:
    """Lock another version of boto3: a wheel that was never built before, and its hash."""
    wheels = project / "wheels"
    old = next(wheels.glob(f"{BUMPED}-*.whl"))
    new = with_version(old, f"{old.name.split('-')[1].split('.post')[0]}.post{number}")
    old.unlink()
    lock = project / "requirements.txt"
    entry = rf"^{BUMPED}==\S+ \\\n(?:    --hash=\S+(?: \\)?\n)+"
    digest = hashlib.sha256(new.read_bytes()).hexdigest()
    pinned = f"{BUMPED}=={new.name.split('-')[1]} \\\\\n    --hash=sha256:{digest}\n"
    text, count = re.subn(entry, pinned, lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count == 1, f"{BUMPED} is not in {lock}"
    lock.write_text(text, encoding="utf-8")


def run(argv: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a contender's command, bounded; its stdout, or an end with what it said."""
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout
