"""Scoring (pandas, numpy, pyarrow, boto3, Powertools) under every profile: sizes, and it runs."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.e2e.projects import EXAMPLES, Project, copy_example
from tests.services.cli import succeeded
from tests.services.containers import Function, lambda_container
from tests.services.index import Index
from tests.services.needs import needs

EVENT = json.loads((EXAMPLES / "scoring" / "event.json").read_text(encoding="utf-8"))
LIMIT_BYTES = 262_144_000
MB = 1_000_000

AT_MAX = 'slim = "max"\nbotocore_services = ["s3"]'
SIZES_MB = {"safe": (259, 262), "max": (200, 203)}
"""Unzipped, without bytecode, of the wheels that examples/scoring locks for x86_64."""


class Scoring(Struct, frozen=True, kw_only=True):
    """The example as a ZIP, one store for all tests here."""

    project: Project
    config: str

    def said(self, lines: str) -> Project:
        """With these keys in place of the packaging."""
        path = self.project.folder / "pyproject.toml"
        path.write_text(self.config.replace('packaging = "image"', lines), encoding="utf-8")
        return self.project


@pytest.fixture(scope="module")
def scoring_zip(
    tmp_path_factory: pytest.TempPathFactory, scoring_index: Index, uv_cache: Path
) -> Scoring:
    """examples/scoring without a base."""
    folder = copy_example("scoring", tmp_path_factory.mktemp("slim-scoring"))
    env = {
        "UV_DEFAULT_INDEX": scoring_index.url,
        "UV_CACHE_DIR": str(uv_cache),
        "UV_PYTHON_DOWNLOADS": "never",
        "IMAGEKIT_CACHE_DIR": str(tmp_path_factory.mktemp("slim-store")),
    }
    config = (folder / "pyproject.toml").read_text(encoding="utf-8")
    config = config.replace('base = "debian-python3.13"', 'python = "3.13"')
    return Scoring(project=Project(folder=folder, env=env), config=config)


def planned(project: Project, *arguments: str) -> dict[str, Any]:
    done = succeeded(project.run("plan", "--json", *arguments))
    return dict(json.loads(done.stdout)["functions"][0])


@pytest.mark.parametrize("profile", ["safe", "max"])
def test_sizes_are_foreseen_to_the_byte(scoring_zip: Scoring, profile: str) -> None:
    """But for what links are called; and the sizes are those that README tells."""
    lines = AT_MAX if profile == "max" else 'slim = "safe"'
    project = scoring_zip.said(f'{lines}\nbytecode = false\npackaging = "zip"')
    plan, built = planned(project), project.build()

    low, high = SIZES_MB[profile]
    assert low * MB < plan["unzipped_bytes"] < high * MB
    assert 0 <= built["unzipped_bytes"] - plan["unzipped_bytes"] < 200


def test_whole_it_is_no_zip(scoring_zip: Scoring) -> None:
    """With `slim = "off"` the packages alone are over the limit: the image is decided on."""
    plan_off = scoring_zip.said('slim = "off"').run("plan", "--packaging", "zip")

    assert plan_off.returncode == 1
    assert "pyarrow" in plan_off.stderr
    assert re.search(r"\b29[45] MB\b", plan_off.stderr), plan_off.stderr


def test_what_is_left_out_is_told(scoring_zip: Scoring) -> None:
    """By reason: 24.7 MB of tests, 7.9 MB of headers, 35 MB of symbols, 5 MB of copies."""
    plan = planned(scoring_zip.said(f'{AT_MAX}\npackaging = "zip"'))
    saved = {one["reason"]: one["unzipped_bytes"] / MB for one in plan["slim"]["saved"]}

    assert 24 < saved["tests"] < 26
    assert 7 < saved["C sources and headers"] < 9
    assert 30 < saved["symbols of shared objects"] < 40
    assert 5 < saved["copies of shared objects"] < 6
    assert 17 < saved["models of other services"] < 20


@pytest.mark.parametrize("profile", ["safe", "max"])
def test_the_zip_answers_with_a_read_only_root(
    scoring_zip: Scoring, profile: str, tmp_path: Path, docker_engine: str, aws_base: str
) -> None:
    """Below 262,144,000 bytes with as much bytecode as fits, and the answer is the same."""
    needs("unzip", "unzip")
    lines = AT_MAX if profile == "max" else 'slim = "safe"'
    project = scoring_zip.said(f'{lines}\npackaging = "zip"')
    plan, built = planned(project), project.build()
    archive = Path(project.folder, built["path"])
    succeeded(project.run("check", archive))
    assert built["unzipped_bytes"] < LIMIT_BYTES
    footprint = plan["footprint"]["unzipped_bytes"]
    assert abs(footprint - built["unzipped_bytes"]) < built["unzipped_bytes"] / 100

    task = tmp_path / "task"
    subprocess.run(["unzip", "-q", str(archive), "-d", str(task)], check=True)
    for folder in (tmp_path, task):
        folder.chmod(0o755)
    function = Function(
        image=aws_base,
        handler="scoring.app.handler",
        mounts={task: "/var/task"},
        environment={"POWERTOOLS_SERVICE_NAME": "scoring"},
    )
    with lambda_container(docker_engine, function) as running:
        answer = running.invoke(EVENT, seconds=120)
    assert isinstance(answer.body, dict), answer.error
    scores = json.loads(answer.body["body"])["scores"]
    assert [(one["id"], one["blocked"]) for one in scores] == [("a-1", False), ("a-2", True)]
