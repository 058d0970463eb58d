"""Projects on disk for end-to-end tests, and readers of what a build left behind."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from tests.services.cli import imagekit, started, succeeded
from tests.services.index import Index

EXAMPLES = Path(__file__).parents[2] / "examples"
APP = """\
import demo


def handler(event, context):
    return {"answer": demo.ANSWER, "event": event}
"""

Done = subprocess.CompletedProcess[str]


class Project(Struct, frozen=True, kw_only=True):
    """A folder with a configuration, and the environment in which imagekit runs over it."""

    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path, **options: Any) -> Done:
        """Run imagekit here; `env`, `prefix` and `seconds` as in `services.cli`."""
        env = {**self.env, **options.pop("env", {})}
        return imagekit(*arguments, cwd=options.pop("cwd", self.folder), env=env, **options)

    def build(self, *arguments: str | Path, **options: Any) -> dict[str, Any]:
        """A build that succeeds; its function as JSON."""
        done = succeeded(self.run("build", *arguments, "--json", **options))
        functions = json.loads(done.stdout)["functions"]
        assert len(functions) == 1, functions
        return dict(functions[0])

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start imagekit here and go on."""
        return started(*arguments, cwd=self.folder, env=self.env)

    def with_env(self, **env: str) -> Project:
        """The same folder under further variables."""
        return replace(self, env={**self.env, **env})

    def made(self) -> list[str]:
        """What lies in `dist`, by name."""
        dist = self.folder / "dist"
        return sorted(path.name for path in dist.iterdir()) if dist.exists() else []

    def replace(self, old: str, new: str, file: str = "imagekit.toml") -> None:
        """Edit one file, which must hold `old`."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, (old, text)
        path.write_text(text.replace(old, new), encoding="utf-8")


def write_project(
    folder: Path,
    *,
    keys: Mapping[str, object] | None = None,
    function: Mapping[str, object] | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """`imagekit.toml` with one function, `app.handler`, and its source files."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{key} = {json.dumps(value)}" for key, value in (keys or {}).items()]
    of_function = {"handler": "app.handler", **(function or {})}
    lines += ["[functions.app]"]
    lines += [f"{key} = {toml(value)}" for key, value in of_function.items()]
    (folder / "imagekit.toml").write_text("\n".join([*lines, ""]), encoding="utf-8")
    for path, text in (files if files is not None else {"app.py": APP}).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def toml(value: object) -> str:
    """A TOML value; dictionaries become inline tables."""
    if isinstance(value, dict):
        inside = ", ".join(f"{key} = {toml(each)}" for key, each in value.items())
        return f"{{ {inside} }}"
    return json.dumps(value, ensure_ascii=False)


def write_pylock(
    folder: Path, wheels: Iterable[Path], index: Index | None = None, *, python: str = ">=3.11"
) -> Path:
    """A `pylock.toml` of these wheels, on the index or (without one) where they lie."""
    by_package: dict[tuple[str, str], list[Path]] = {}
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        by_package.setdefault((name.replace("_", "-").lower(), version), []).append(wheel)
    lines = ['lock-version = "1.0"', 'created-by = "tests"', f'requires-python = "{python}"']
    for (name, version), files in sorted(by_package.items()):
        lines += ["", "[[packages]]", f'name = "{name}"', f'version = "{version}"']
        for wheel in sorted(files):
            url = f"http://{index.host}/files/{wheel.name}" if index else wheel.as_uri()
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            lines += ["[[packages.wheels]]", f'name = "{wheel.name}"', f'url = "{url}"']
            lines += [f"size = {wheel.stat().st_size}", f'hashes = {{ sha256 = "{digest}" }}']
    path = folder / "pylock.toml"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def copy_example(name: str, folder: Path, *, base: str | None = None) -> Path:
    """An example as a project of its own, on another base if one is given."""
    project = folder / name
    shutil.copytree(EXAMPLES / name, project, ignore=shutil.ignore_patterns("dist", "*.lock"))
    if base:
        config = project / "pyproject.toml"
        text = config.read_text(encoding="utf-8")
        assert 'base = "debian-python3.13"' in text
        text = text.replace('base = "debian-python3.13"', f'base = "{base}"')
        config.write_text(text, encoding="utf-8")
    return project


def blob(layout: Path, digest: str) -> Path:
    """Where an OCI layout keeps a digest."""
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")


def read_manifest(layout: Path) -> dict[str, Any]:
    """The one manifest of an OCI layout."""
    index = json.loads((layout / "index.json").read_text(encoding="utf-8"))
    assert len(index["manifests"]) == 1, index
    return dict(json.loads(blob(layout, index["manifests"][0]["digest"]).read_bytes()))


def read_config(layout: Path) -> dict[str, Any]:
    """The config of a layout's image."""
    return dict(json.loads(blob(layout, read_manifest(layout)["config"]["digest"]).read_bytes()))


def built_files(layout: Path) -> dict[str, bytes]:
    """Every file of the layers that the layout holds, by its path in the image."""
    files: dict[str, bytes] = {}
    for layer in read_manifest(layout)["layers"]:
        path = blob(layout, layer["digest"])
        if path.exists():
            with tarfile.open(path) as tar:
                for info in tar:
                    if info.isreg() and (content := tar.extractfile(info)):
                        files[info.name] = content.read()
    return files


def all_bytes(folder: Path) -> dict[str, str]:
    """The digest of every file below `folder`, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
