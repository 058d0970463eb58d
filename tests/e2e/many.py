"""A workspace of many functions over a few sets of dependencies, on a base that is a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from imagekit.model.digest import Digest
from imagekit.model.image import MANIFEST
from tests.bases.fake import GLIBC, Entry, FakeImage, Layer, entries
from tests.services.wheels import make_wheel

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The one that runs the tests: a CPython for its bytecode is always here."""

_ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
_APP = """\
import shared{set}
import common

NAME = {name!r}


def handler(event, context):
    return {{"name": NAME, "answer": shared{set}.ANSWER}}
"""


class Many(Struct, frozen=True, kw_only=True):
    """How many functions, and over how many distinct sets of dependencies."""

    functions: int = 60
    sets: int = 12

    def names(self) -> list[str]:
        """The functions, sorted."""
        return [f"job{number:02}" for number in range(self.functions)]

    def set_of(self, number: int) -> int:
        """Which dependencies the function has."""
        return number % self.sets

    def wheels(self, folder: Path) -> Path:
        """`common` for all and, for each set, `sharedN` and `otherN`: a few modules each."""
        for name in ("common", *(f"{kind}{n}" for n in range(self.sets) for kind in _KINDS)):
            files = {f"{name}/m{n}.py": f"VALUE = {n}\n".encode() * 400 for n in range(6)}
            make_wheel(folder, name, "1.0", {f"{name}/__init__.py": b"ANSWER = 42\n"} | files)
        return folder

    def project(self, folder: Path, keys: Mapping[str, object]) -> Path:
        """The workspace: each function a member with its own source, its set a uv group."""
        text = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        write(folder / "imagekit.toml", *text, "[workspace]", 'members = ["functions/*"]')
        sets = {f"set{n}": ["common", *(f"{kind}{n}" for kind in _KINDS)] for n in range(self.sets)}
        write(
            folder / "pyproject.toml",
            "[project]",
            'name = "many"',
            'version = "1"',
            f'requires-python = ">={PYTHON}"',
            "[dependency-groups]",
            *(f"{name} = {json.dumps(packages)}" for name, packages in sets.items()),
        )
        for number, name in enumerate(self.names()):
            self._member(folder / "functions" / name, name, self.set_of(number))
        return folder

    def _member(self, folder: Path, name: str, of: int) -> None:
        write(
            folder / "imagekit.toml",
            f"[functions.{name}]",
            'handler = "app.handler"',
            f'groups = ["set{of}"]',
        )
        write(folder / "app.py", _APP.format(set=of, name=name))


_KINDS = ("shared", "other")


def write(path: Path, *lines: str) -> None:
    """A text file, its folder included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def uv_lock(folder: Path, env: Mapping[str, str]) -> None:
    """`uv lock`, by the Python that runs the tests."""
    subprocess.run(
        [sys.executable, "-m", "uv", "lock", "--quiet", "--python", sys.executable],
        cwd=folder,
        env=dict(env),
        check=True,
    )


def layout_base(folder: Path) -> Path:
    """An OCI layout with a Python, a glibc and a runtime client, as far as files can tell."""
    version = ".".join(map(str, sys.version_info[:3]))
    files: dict[str, bytes | str] = {
        "lib": "usr/lib",
        "lib64": "usr/lib64",
        "usr/bin/python3": f"python{PYTHON}",
        f"usr/bin/python{PYTHON}": _ELF + f"\0{version}\0".encode() + bytes(64),
        "usr/lib/x86_64-linux-gnu/libc.so.6": GLIBC,
    }
    start = Entry(path="var/runtime/bootstrap", data=b"#!/bin/sh\n", mode=0o755)
    image = FakeImage(
        layers=[Layer.of([*entries(files), start])],
        settings={"Env": ["PATH=/usr/bin"], "Entrypoint": ["/var/runtime/bootstrap"]},
        family="oci",
    )
    for data in (*(layer.blob for layer in image.layers), image.config, image.manifest):
        blob = folder / "blobs" / "sha256" / Digest.of(data).hex
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
    entry = {"mediaType": MANIFEST["oci"], "digest": str(image.digest), "size": len(image.manifest)}
    write(folder / "index.json", json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    write(folder / "oci-layout", '{"imageLayoutVersion": "1.0.0"}')
    return folder
