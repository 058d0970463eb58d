"""`imagekit plan --compare`: every packaging in one table, and nothing made, locked or sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imagekit.model.comparison import COMPARED
from tests.e2e.projects import Project, write_pylock
from tests.services.cli import succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel

MB = 1_000_000


def compared(project: Project, *arguments: str) -> dict[str, dict[str, Any]]:
    """The rows by packaging."""
    done = succeeded(project.run("plan", "--compare", "--json", *arguments))
    rows = json.loads(done.stdout)["compared"]
    assert [row["packaging"] for row in rows] == list(COMPARED)
    return {row["packaging"]: row for row in rows}


def test_every_packaging_side_by_side(zipped: Project, aws_base: str) -> None:
    """Foreseen until it was built, then to the byte; nothing is made, and nothing locked."""
    zipped.replace('packaging = "zip"', f'packaging = "zip"\nbase = "{aws_base}"')
    before = compared(zipped)

    assert all(row["fits"] for row in before.values())
    assert before["zip-s3"]["why"].endswith("needs `bucket`")
    assert before["zip-layers"]["why"] == "1 Lambda layer"
    assert before["image"]["unzipped_bytes"] > 100 * MB, "its base counts"
    assert before["image"]["upload_bytes"] < MB, "which is there already"
    assert before["zip"]["estimated"] == ["unzipped_bytes", "upload_bytes"]
    assert not (zipped.folder / "imagekit.lock").exists(), "the base was looked up for an image"
    assert zipped.made() == []

    for packaging in COMPARED[1:3]:
        made = zipped.build("--packaging", packaging)
        sent = [made["path"], *(one["path"] for one in made.get("attaches", []))]
        row = compared(zipped)[packaging]
        assert row["unzipped_bytes"] == made["unzipped_bytes"]
        assert row["upload_bytes"] == sum(Path(zipped.folder, path).stat().st_size for path in sent)
        assert "estimated" not in row


def test_what_does_not_fit_says_why(zipped: Project, wheels: Path, index: Index) -> None:
    """The others go on; an image whose base nobody can ask for is not known."""
    files = {"heavy/__init__.py": b"", "heavy/model.bin": bytes(270 * MB)}
    make_wheel(wheels, "heavy", "1.0", files)
    write_pylock(zipped.folder, wheels.glob("*.whl"), index)
    zipped.replace('packaging = "zip"', 'packaging = "zip"\nbase = "127.0.0.1:9/none:1"')
    zipped.replace("[functions.app]", "[functions.app]\nlambda = { storage = 1024 }")
    rows = compared(zipped)
    done = succeeded(zipped.run("plan", "--compare"))

    fits = {packaging: row["fits"] for packaging, row in rows.items()}
    assert fits == {
        "image": None,
        "zip": False,
        "zip-layers": False,
        "zip-nested": True,
        "zip-s3": True,
    }
    assert "the ZIP is 270 MB; the limit is 262 MB" in rows["zip"]["why"]
    assert "zip-nested" in rows["zip-layers"]["why"]
    assert "127.0.0.1:9" in rows["image"]["why"]
    assert rows["zip-nested"]["unzipped_bytes"] < 262 * MB
    assert "  zip-layers  no " in done.stdout
    assert "starts that were not measured: imagekit bench app --packaging zip-nested" in done.stderr


def test_it_is_about_every_packaging(zipped: Project) -> None:
    """One of them is what `plan --packaging` shows."""
    done = zipped.run("plan", "--compare", "--packaging", "zip")

    assert done.returncode == 2
    assert "--compare shows every packaging" in done.stderr
