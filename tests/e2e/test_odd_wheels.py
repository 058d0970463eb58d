"""Wheels that break others: imported in a container, read by `unzip`, within bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.projects import Project, write_pylock
from tests.services.cli import COMMAND, succeeded
from tests.services.containers import Function, lambda_container
from tests.services.needs import needs
from tests.services.wheels import make_wheel

LONG_FILE = "long/" + "n" * 120 + ".py"
LONGER_PATH = "long/" + "/".join(["d" * 60] * 5) + "/deep.py"
HANDLER = """\
import importlib
import importlib.metadata
import pathlib

import data_pkg
import ns.one
import ns.two

ROOT = pathlib.Path(data_pkg.__file__).parent.parent


def handler(event, context):
    return {
        "texts": [(ROOT / path).read_text("utf-8") for path in event["paths"]],
        "space": importlib.import_module("spaced").ANSWER,
        "namespace": [ns.one.N, ns.two.N],
        "scripts": sorted(
            importlib.metadata.entry_points(group="console_scripts", name="hello-cli").names
        ),
        "versions": importlib.metadata.version("nothing-in-it"),
        "executable": (ROOT / "bin" / "tool").stat().st_mode & 0o777,
        "first_line": (ROOT / "bin" / "hello-cli").read_text().splitlines()[0],
    }
"""


@pytest.fixture
def odd(imaged: Project, wheels: Path) -> Project:
    """One project with all of them."""
    files = {
        "spaced/__init__.py": b"ANSWER = 1\n",
        "spaced/with a space.txt": b"space",
        LONG_FILE: b"",
        LONGER_PATH: b"",
        "spaced/gr\u00fc\u00df \u4f60\u597d.txt": "gr\u00fc\u00df".encode(),
    }
    make_wheel(wheels, "spaced", "1.0", files, directories=("spaced",))
    make_wheel(
        wheels,
        "data-pkg",
        "2.0",
        {"data_pkg/__init__.py": b""},
        entry_points={"hello-cli": "data_pkg:main"},
        data={
            "scripts": {"tool": b"#!python\nprint('tool')\n"},
            "data": {"share/data-pkg/x.txt": b"shared"},
            "purelib": {"data_pkg/pure.txt": b"pure"},
            "headers": {"data.h": b"// h\n"},
        },
    )
    make_wheel(wheels, "ns-one", "1.0", {"ns/one.py": b"N = 1\n"})
    make_wheel(wheels, "ns-two", "1.0", {"ns/two.py": b"N = 2\n"})
    make_wheel(wheels, "nothing-in-it", "0.1", {})
    write_pylock(imaged.folder, wheels.glob("*.whl"))
    (imaged.folder / "app.py").write_text(HANDLER, encoding="utf-8")
    imaged.replace("bytecode = false", "bytecode = true")
    return imaged


PATHS = [
    "spaced/with a space.txt",
    "spaced/gr\u00fc\u00df \u4f60\u597d.txt",
    LONG_FILE,
    LONGER_PATH,
    "share/data-pkg/x.txt",
    "data_pkg/pure.txt",
]


def test_odd_wheels_work_in_a_container(odd: Project, registry: str, docker_engine: str) -> None:
    """Pulled by a real engine and imported by a real Python."""
    made = odd.build("--push", "--to", f"{registry}/odd:one")
    succeeded(odd.run("check", made["reference"]))
    with lambda_container(docker_engine, Function(image=made["reference"])) as running:
        answer = running.invoke({"paths": PATHS})

    assert answer.body == {
        "texts": ["space", "gr\u00fc\u00df", "", "", "shared", "pure"],
        "space": 1,
        "namespace": [1, 2],
        "scripts": ["hello-cli"],
        "versions": "0.1",
        "executable": 0o755,
        "first_line": "#!/usr/bin/env python3",
    }, answer.error


def test_odd_wheels_in_a_zip(odd: Project, tmp_path: Path) -> None:
    """`unzip` writes the same names, and the modules import from there."""
    needs("unzip", "unzip")
    made = odd.build("--packaging", "zip")
    subprocess.run(
        ["unzip", "-q", str(Path(odd.folder, made["path"])), "-d", str(tmp_path / "t")],
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    event = {"paths": PATHS}
    said = subprocess.run(
        [sys.executable, "-c", f"import app, json; print(app.handler({event!r}, None)['texts'])"],
        cwd=tmp_path / "t",
        check=True,
        capture_output=True,
        text=True,
    )

    assert said.stdout.strip() == str(["space", "gr\u00fc\u00df", "", "", "shared", "pure"])


def test_a_large_wheel_within_bounded_memory(imaged: Project, wheels: Path) -> None:
    """500 MB in one wheel: peak memory stays below three times what it holds unpacked."""
    block = os.urandom(1 << 20)
    large = {f"large/part{n}.bin": n.to_bytes(4, "big") + block[4:] * 50 for n in range(10)}
    unpacked = sum(len(each) for each in large.values())
    make_wheel(wheels, "large", "1.0", large, compress=False)
    del large
    write_pylock(imaged.folder, wheels.glob("*.whl"))
    report = imaged.folder / "peak"
    code = (
        "import resource, subprocess, sys, pathlib\n"
        "status = subprocess.run(sys.argv[2:]).returncode\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024\n"
        "pathlib.Path(sys.argv[1]).write_text(str(peak))\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(report), *COMMAND, "build"],
        cwd=imaged.folder,
        env={**os.environ, **imaged.env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert unpacked > 500_000_000
    assert int(report.read_text(encoding="utf-8")) < 3 * unpacked
