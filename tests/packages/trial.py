"""One package: locked, built by imagekit with each profile, unpacked, imported and exercised."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from imagekit.project.interpreter import find
from imagekit.store import Store
from tests.packages.catalogue import Subject
from tests.services.cli import imagekit

PROFILES = ("off", "safe", "max")
PYTHON = "3.13"
_SECONDS = 600


class CannotTry(Exception):
    """What the trial needs is not here; the message says what."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of one package."""

    name: str
    version: str
    unzipped_bytes: Mapping[str, int]
    """Of the ZIP, with all that the package needs, by profile."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """By profile, what was said where it did not import or work."""


class Bench(Struct, frozen=True, kw_only=True):
    """What all trials share."""

    environ: Mapping[str, str]
    """Of the user: how uv finds packages."""
    cache: Path
    """Where wheels are kept between runs."""
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """For imagekit: the user's own, but for its store."""
        kept = {
            name: value for name, value in self.environ.items() if not name.startswith("IMAGEKIT_")
        }
        return {**kept, "IMAGEKIT_CACHE_DIR": str(self.cache), "UV_PYTHON": self.interpreter[0]}

    @property
    def interpreter(self) -> tuple[str, ...]:
        """A CPython of the version that packages are for."""
        found = find(PYTHON, environ=self.environ, store=Store(self.cache))
        if found is None:
            raise CannotTry(f"no CPython {PYTHON} was found")
        return found.argv

    def tried(self, subject: Subject, profiles: tuple[str, ...] = PROFILES) -> Outcome:
        """Build and run the package with each profile. CannotTry where it cannot be locked."""
        project = self.folder / subject.name
        version = self._locked(project, subject)
        sizes: dict[str, int] = {}
        failures: dict[str, str] = {}
        for profile in profiles:
            _configure(project, profile)
            sizes[profile] = self._built(project)
            root = project / f"unpacked-{profile}"
            unzip(project / "dist" / "app.zip", root)
            if said := self._run(subject, root):
                failures[profile] = said
        return Outcome(name=subject.name, version=version, unzipped_bytes=sizes, failures=failures)

    def _locked(self, project: Path, subject: Subject) -> str:
        project.mkdir(parents=True)
        text = f'[project]\nname = "trial"\nversion = "0"\nrequires-python = "=={PYTHON}.*"\n'
        text += f'dependencies = ["{subject.asked}"]\n'
        (project / "pyproject.toml").write_text(text, encoding="utf-8")
        (project / "app.py").write_text("def handler(event, context): ...\n", encoding="utf-8")
        done = subprocess.run(
            ["uv", "lock"], cwd=project, env=self.env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CannotTry(f"uv lock: {done.stderr.strip().splitlines()[-1:]}")
        lock = (project / "uv.lock").read_text(encoding="utf-8")
        return lock.partition(f'name = "{subject.name}"\nversion = "')[2].partition('"')[0]

    def _built(self, project: Path) -> int:
        done = imagekit("build", "--no-locked", "--json", cwd=project, env=self.env)
        if done.returncode:
            raise AssertionError(f"{project.name}: {done.stderr}")
        (function,) = json.loads(done.stdout)["functions"]
        return int(function["unzipped_bytes"])

    def _run(self, subject: Subject, root: Path) -> str:
        """What was said where it failed. Nothing of this machine but the standard library."""
        start = f"import sys\nsys.path.insert(0, {str(root)!r})\n"
        check = f"assert any({str(root)!r} in (getattr(m, '__file__', None) or '') "
        check += "for m in list(sys.modules.values()))\n"
        program = f"{start}{subject.imports}\n{check}{subject.exercise}\n"
        home = root.parent / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [*self.interpreter, "-I", "-S", "-B", "-W", "error::ImportWarning", "-c", program],
            cwd=home,
            env={
                "HOME": str(home),
                "TMPDIR": str(home),
                "PATH": os.defpath,
                "MPLCONFIGDIR": str(home),
            },
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return "" if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"


def _configure(project: Path, profile: str) -> None:
    lines = [
        f'python = "{PYTHON}"',
        'architecture = "x86_64"',
        'packaging = "zip"',
        "bytecode = false",
        f'slim = "{profile}"',
        "[functions.app]",
        'handler = "app.handler"',
        'source = ["app.py"]',
    ]
    (project / "imagekit.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")


def unzip(archive: Path, folder: Path) -> None:
    """As Lambda does it: links are links."""
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if stat.S_ISLNK(info.external_attr >> 16):
                place = folder / info.filename
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(opened.read(info).decode())
            else:
                opened.extract(info, folder)
