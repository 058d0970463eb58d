"""`imagekit inspect` and `imagekit diff` over what a build made, and over what others made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.projects import Project, write_pylock
from tests.services.cli import Done, succeeded
from tests.services.index import Index
from tests.services.wheels import make_wheel


def answer(done: Done) -> dict[str, Any]:
    return dict(json.loads(succeeded(done).stdout))


def bumped(project: Project, wheels: Path, index: Index) -> None:
    """Another version of `demo` in the lock."""
    (wheels / "demo-1.0-py3-none-any.whl").unlink()
    make_wheel(wheels, "demo", "1.1", {"demo/__init__.py": b"ANSWER = 43\n"})
    write_pylock(project.folder, wheels.glob("*.whl"), index)


def test_a_built_zip_weighs_what_the_build_said(zipped: Project) -> None:
    """To the byte: packages by their RECORD, the rest is the project's own."""
    built = zipped.build()

    found = answer(zipped.run("inspect", "app", "--json"))

    assert found["unzipped_bytes"] == built["unzipped_bytes"]
    assert found["size_bytes"] == (zipped.folder / "dist" / "app.zip").stat().st_size
    (layer,) = found["layers"]
    assert {one["name"]: one["own"] for one in layer["packages"]} == {"demo": False, "source": True}
    assert found["categories"]["own"]["files"] == 1


def test_a_built_image_is_told_layer_by_layer(imaged: Project) -> None:
    """Layers under the names that imagekit gave them; the base, which is not here, as such."""
    imaged.build()

    found = answer(imaged.run("inspect", "app", "--json"))
    text = succeeded(imaged.run("inspect", "dist/app.oci")).stdout

    kinds = [(one["name"], one["kind"]) for one in found["layers"]]
    assert kinds[-2:] == [("demo", "packages"), ("source", "source")]
    assert kinds[0][1] == "base"
    assert "unread" in found["layers"][0]
    assert "demo 1.0" in text
    assert "limits" in text


def test_a_foreign_image_in_a_registry_is_read_where_it_lies(aws_base: str, tmp_path: Path) -> None:
    """Nothing is known of how it was made: every layer is read."""
    project = Project(folder=tmp_path)

    found = answer(project.run("inspect", aws_base, "--json"))

    assert {one["kind"] for one in found["layers"]} == {"other"}
    assert found["unzipped_bytes"] > 0
    assert found["limits"][0]["rule"] == "T6"


def test_a_bump_is_told_as_package_layer_bytes_and_files(
    imaged: Project, wheels: Path, index: Index
) -> None:
    """What a person reads before it goes out, without the base, which both have."""
    imaged.build("--output", "one")
    bumped(imaged, wheels, index)
    imaged.build("--output", "two")

    found = answer(imaged.run("diff", "one/app.oci", "two/app.oci", "--json"))
    text = succeeded(imaged.run("diff", "one/app.oci", "two/app.oci")).stdout

    assert found["packages"] == [{"name": "demo", "before": "1.0", "after": "1.1"}]
    assert [one["name"] for one in found["layers"]["added"]] == ["demo"]
    assert 0 < found["push_bytes"] < found["size_bytes"]
    assert "var/task/demo/__init__.py" in [one["path"] for one in found["files"]]
    assert found["chunks"]["new_at_most"] == 1
    assert "demo 1.0→1.1" in text


def test_the_same_build_differs_in_nothing(zipped: Project) -> None:
    """Reproducible, and said in one line."""
    zipped.build()

    text = succeeded(zipped.run("diff", "app", "dist/app.zip")).stdout

    assert text.splitlines()[-1] == "  nothing differs"


@pytest.mark.parametrize("command", [("inspect", "nothing-there"), ("diff", "app", "no/such.oci")])
def test_what_is_no_artefact_is_exit_2(zipped: Project, command: tuple[str, ...]) -> None:
    """With what an artefact may be; nothing on stdout."""
    zipped.build()

    done = zipped.run(*command)

    assert done.returncode in (2, 3)
    assert done.stdout == ""
    assert "error: " in done.stderr


def test_a_function_that_was_not_built_says_how(zipped: Project) -> None:
    """The command to type first."""
    done = zipped.run("inspect", "app")

    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: imagekit build app" in done.stderr


def test_a_damaged_zip_is_exit_1(tmp_path: Path) -> None:
    """It says that, and which command tells more."""
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and then nothing")

    done = Project(folder=tmp_path).run("inspect", "broken.zip")

    assert done.returncode == 1
    assert "hint: imagekit check broken.zip" in done.stderr
