"""`imagekit report`: one page from a project, with and without Docker and a registry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.e2e.projects import Project
from tests.services.chromium import shown
from tests.services.cli import succeeded


def page(project: Project, *arguments: str) -> str:
    done = succeeded(project.run("report", *arguments))
    assert done.stdout == "report.html\n"
    return (project.folder / "report.html").read_text(encoding="utf-8")


def data(text: str) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_a_page_needs_neither_docker_nor_a_registry(zipped: Project) -> None:
    """What the plan knows is drawn; what was not started is said."""
    text = page(zipped.with_env(DOCKER_HOST="unix:///nowhere.sock"))

    (artefact,) = data(text)["artefacts"]
    assert artefact["name"] == "app"
    assert artefact["treemap"] and artefact["flame"] == []
    assert "nothing was started" in text


def test_layers_say_what_a_push_would_send(imaged: Project, registry: str) -> None:
    """After a push all are there; a repository that nobody can ask is a note, and no failure."""
    place = f"{registry}/report/app"
    imaged.replace('packaging = "image"', f'repository = "{place}"\npackaging = "image"')
    imaged.build("--push")

    text = page(imaged, "--no-run")
    rows = re.findall(r"<td>(is there|not made yet|[^<]* to send)</td>", text)
    assert rows and set(rows) == {"is there"}

    imaged.replace(place, "127.0.0.1:1/none/app")
    assert "what 127.0.0.1:1/none/app has is not known" in page(imaged, "--no-run")


def test_a_page_that_cannot_be_written_is_refused(zipped: Project) -> None:
    """A folder that is not there: exit 2, with what to do, before anything is looked at."""
    (zipped.folder / "pylock.toml").unlink()
    done = zipped.run("report", "--no-run", "--output", "nowhere/report.html")

    assert done.returncode == 2
    assert "--output nowhere/report.html cannot be written" in done.stderr
    assert "hint: name a file in a folder that is there" in done.stderr


def test_a_page_shows_what_starts_cost(imaged: Project, docker_engine: str, tmp_path: Path) -> None:
    """Imports as flames and every cold start as a point, drawn by a browser without a fault."""
    imaged = imaged.with_env(DOCKER_HOST=docker_engine)
    text = page(imaged, "-n", "2", "--runs", "1", "--no-registry")

    found = data(text)
    assert found["artefacts"][0]["flame"]
    assert [len(one["points"]) for one in found["starts"]] == [2]
    drawn = shown(imaged.folder / "report.html", tmp_path / "profile")
    assert drawn.said("faults") == "0"
    assert all(shapes >= count > 0 for _, count, shapes in drawn.charts())
