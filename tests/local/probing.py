"""The probe, run by this Python over folders that stand for an artefact's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from imagekit.local.probed import Probed, parse

PROGRAM = files("imagekit.local").joinpath("probe.py").read_text("utf-8")


def said(task: Path, module: str, *, site: Path, runs: int = 1) -> str:
    """What the probe writes about the code in `task` with the packages in `site`."""
    roots = f"{task}/:{site}/"
    asked = ["all", module, str(runs), roots]
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; exec(sys.argv[1])", PROGRAM, *asked],
        capture_output=True,
        text=True,
        check=True,
        cwd=task,
        env={**os.environ, "LAMBDA_TASK_ROOT": str(task), "PYTHONPATH": str(site)},
    )
    return done.stdout


def probed(task: Path, module: str, *, site: Path, runs: int = 1) -> Probed:
    """The same as values."""
    return parse(said(task, module, site=site, runs=runs))


def write(folder: Path, texts: Mapping[str, str]) -> Path:
    """Write files by relative path."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def package(site: Path, name: str, version: str, texts: Mapping[str, str]) -> None:
    """Lay a distribution as an installer does, with its record."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    record = "".join(f"{path},,\n" for path in (*texts, f"{folder}/RECORD"))
    write(site, {**texts, f"{folder}/RECORD": record})
